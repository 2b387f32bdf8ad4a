"""Tasks of ours over the rows of Spark's frames, as Arrow; an executor needs no pandas for them."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pyarrow as pa

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Batches: TypeAlias = Iterator[pa.RecordBatch]
Task: TypeAlias = Callable[[Batches], Batches]
"""Takes all rows of a partition in batches, and yields those of its result."""

_NAMES: Final = {
    pa.string(): "string",
    pa.binary(): "binary",
    pa.int64(): "bigint",
    pa.int32(): "int",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.timestamp("us", tz="UTC"): "timestamp",
    pa.list_(pa.string()): "array<string>",
}


def columns_of(schema: pa.Schema) -> str:
    """Return the columns of an Arrow schema as Spark writes them; all may be null."""
    return ", ".join(f"`{field.name}` {_NAMES[field.type]}" for field in schema)


def struct_of(schema: pa.Schema) -> str:
    """Return the type of structs of an Arrow schema, as Spark writes it."""
    return f"struct<{', '.join(f'`{each.name}`: {_NAMES[each.type]}' for each in schema)}>"


def called(task: Any, returned: str) -> Any:  # noqa: ANN401 - a function of Spark's columns
    """Return what applies a task to columns on the executors.

    Args:
        task: Takes an Arrow array for each column and returns one.
        returned: The type of what it returns, as Spark writes it.
    """
    from pyspark.sql.pandas.functions import arrow_udf  # noqa: PLC0415 - an extra

    made: Any = arrow_udf
    # Without annotations Spark takes it for a function of columns, and needs no pandas to look.
    return made(lambda *arrays: task(*arrays), returned)  # noqa: PLW0108


def mapped(frame: "DataFrame", task: Task, schema: pa.Schema) -> "DataFrame":
    """Return what a task makes of each partition of a frame: Spark's `mapInArrow`.

    Spark's own method looks for pandas on the driver, which neither it nor the task uses; this is
    what it does after that.

    Args:
        frame: The rows that it gets.
        task: Is made into bytes, and needs none of pyspark.
        schema: Of the batches that it yields, in its order.
    """
    from pyspark.sql import DataFrame  # noqa: PLC0415 - an extra
    from pyspark.sql.udf import UserDefinedFunction  # noqa: PLC0415 - an extra
    from pyspark.util import PythonEvalType  # noqa: PLC0415 - an extra

    made: Any = UserDefinedFunction(
        lambda batches: task(batches),  # noqa: PLW0108 - Spark asks for a function
        columns_of(schema),
        evalType=PythonEvalType.SQL_MAP_ARROW_ITER_UDF,
    )
    inner: Any = frame._jdf
    applied = made(*(frame[name] for name in frame.columns))
    return DataFrame(inner.mapInArrow(applied._jc, False, None), frame.sparkSession)
