# The query of an auditor, whole.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="access",
            name="query",
            field=models.CharField(blank=True, default="", max_length=4000),
        ),
    ]
