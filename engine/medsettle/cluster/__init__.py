"""How this project talks to a cluster of Spark: sessions, frames, places, and what executors need.

**What executors need**: Python with the version of medsettle that asks, and nothing beside what
that needs itself; `PYSPARK_PYTHON` names that Python, else the one that asks is taken at its own
path. A cluster without it can be handed a packed environment by `spark.archives`, as Spark's manual
says under *Python Package Management*. The one that asks needs `medsettle[spark]` and Java 17.

Nothing here imports pyspark before it is used: most who install medsettle have none.
"""
