"""Writes the fixtures of packages/data-parquet by pyarrow, an implementation of its own. By hand only: nothing of the project needs Python.
usage: python parquet.py FOLDER"""
import datetime, decimal, random, sys
import pyarrow as pa
import pyarrow.parquet as pq

folder = sys.argv[1]

def write(name, table, **options):
    pq.write_table(table, f"{folder}/{name}.parquet", **options)

# Four row groups; `noise` is most of the file.
random.seed(1)
rows = range(400)
table = pa.table({
    "id": pa.array(rows, pa.int64()),
    "prompt": [f"{i} + {i} =" for i in rows],
    "noise": pa.array([random.randbytes(60) for _ in rows], pa.binary()),
    "answer": [f" {2 * i}" for i in rows],
})
write("groups", table, row_group_size=100)
# One row group with an index of its pages.
write("pages", pa.table({"text": [f"row {i} {random.getrandbits(64):x}" for i in range(3000)]}), write_page_index=True, data_page_size=1024, write_batch_size=100, use_dictionary=False)
for codec in ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]:
    write(f"codec-{codec}", pa.table({"text": ["a text " * 20, "another text " * 20, ""]}), compression=codec)
write("version-2", pa.table({"text": [f"text {i % 7}" for i in range(50)]}), data_page_version="2.0")

# Questions in the form of ARC's.
questions = [
    ("q1", "Which of these melts in the sun?", ["a stone", "ice", "a leaf", "sand"], ["A", "B", "C", "D"], "B"),
    ("q2", "What do bees make?", ["honey", "milk", "wool"], ["1", "2", "3"], "1"),
    ("q3", "Which planet do we live on?", ["Mars", "Venus", "Earth", "Saturn"], ["A", "B", "C", "D"], "C"),
]
struct = pa.struct([("text", pa.list_(pa.string())), ("label", pa.list_(pa.string()))])
write("questions", pa.table({
    "id": [id for id, *_ in questions],
    "question": [question for _, question, *_ in questions],
    "choices": pa.array([{"text": texts, "label": labels} for _, _, texts, labels, _ in questions], struct),
    "answerKey": [key for *_, key in questions],
}))

# Conversations, token ids, and every other kind of value that a table of data may hold.
turn = pa.struct([("role", pa.string()), ("content", pa.string())])
write("messages", pa.table({"messages": pa.array([
    [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day."}],
    [{"role": "user", "content": "Bye"}],
], pa.list_(turn))}))
write("ids", pa.table({"input_ids": pa.array([[1, 2, 3], [4, 2**40]], pa.list_(pa.int64())), "attention_mask": [[1, 1, 1], [1, 1]]}))
write("ids-32", pa.table({"input_ids": pa.array([[1, 2, 3], [4]], pa.list_(pa.int32()))}))
write("values", pa.table({
    "long": pa.array([7, 2**60], pa.int64()),
    "real": pa.array([1.5, -2.0], pa.float64()),
    "flag": [True, False],
    "day": pa.array([datetime.date(2024, 2, 29), datetime.date(1969, 12, 31)]),
    "time": pa.array([datetime.datetime(2024, 2, 29, 12, 30), datetime.datetime(1970, 1, 1)], pa.timestamp("us")),
    "price": pa.array([decimal.Decimal("12.50"), decimal.Decimal("0.25")], pa.decimal128(6, 2)),
    "words": [["a", "b"], []],
    "void": pa.array([None, "x"], pa.string()),
    "label": pa.array(["yes", "no"]).dictionary_encode(),
}))
write("binary", pa.table({"text": pa.array([b"good", b"na\xefve"], pa.binary())}))
write("no-rows", pa.table({"text": pa.array([], pa.string())}))
