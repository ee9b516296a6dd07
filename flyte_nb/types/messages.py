"""The protobuf messages of literals, imported when the first value is converted.

Importing `flyteidl2` takes longer than importing all of flyte_nb, so this module is only imported by those
that convert.
"""

from flyteidl2.core.literals_pb2 import Literal as Literal
from flyteidl2.core.literals_pb2 import LiteralMap as LiteralMap
from flyteidl2.core.types_pb2 import EnumType as EnumType
from flyteidl2.core.types_pb2 import LiteralType as LiteralType
from flyteidl2.core.types_pb2 import SimpleType as SimpleType
from flyteidl2.core.types_pb2 import StructuredDatasetType as StructuredDatasetType
from flyteidl2.core.types_pb2 import TypeStructure as TypeStructure
from flyteidl2.core.types_pb2 import UnionType as UnionType
