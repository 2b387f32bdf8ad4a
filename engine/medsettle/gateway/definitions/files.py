"""Files up and down (9101, 9102).

Source: field models of public clients. Numbers and names stand in the output itself. Clients take
a body of the type `application/octet-stream` for the file that they asked for, and an envelope for
a refusal; some platforms put the bytes into the output, as base64 text.
"""

from medsettle.gateway import files
from medsettle.gateway.fields import Field, Kind, Node, moment, text
from medsettle.gateway.transactions import Transaction

_SERVICE = "fileupload"

_NUMBER = text("file_qury_no", 30, "文件查询号", required=True)
_NAME = text("filename", 200, "文件名", required=True)
_OWNER = text("fixmedins_code", 30, "医药机构编号", required=True)
_TOLD = (
    text("file_qury_no", 30, "文件查询号"),
    text("filename", 200, "文件名称"),
    moment("dld_endtime", "下载截止时间"),
)

TRANSACTIONS = (
    Transaction(
        "9101",
        "文件上传",
        (
            Node(
                "fsUploadIn",
                "文件上传",
                (
                    Field("in", Kind.OBJECT, "文件数据: base64, or a list of bytes", required=True),
                    _NAME,
                    _OWNER,
                ),
            ),
        ),
        (Node("", "文件", _TOLD),),
        files.upload,
        service=_SERVICE,
        moves=True,
    ),
    Transaction(
        "9102",
        "文件下载",
        (Node("fsDownloadIn", "文件下载", (_NUMBER, _NAME, _OWNER)),),
        (Node("", "文件", (*_TOLD, text("file_byte", 0, "文件字节流, base64"))),),
        files.download,
        service=_SERVICE,
        sends_file=True,
    ),
)
