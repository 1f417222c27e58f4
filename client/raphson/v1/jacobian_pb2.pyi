from raphson.v1 import array_pb2 as _array_pb2
from raphson.v1 import solver_pb2 as _solver_pb2
from raphson.v1 import system_pb2 as _system_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EvaluateRequest(_message.Message):
    __slots__ = ("system", "at", "parameters", "mode", "value", "matrix", "jvp", "vjp", "determinant")
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    MATRIX_FIELD_NUMBER: _ClassVar[int]
    JVP_FIELD_NUMBER: _ClassVar[int]
    VJP_FIELD_NUMBER: _ClassVar[int]
    DETERMINANT_FIELD_NUMBER: _ClassVar[int]
    system: _system_pb2.SystemRef
    at: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    parameters: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    mode: _solver_pb2.JacobianMode
    value: bool
    matrix: bool
    jvp: _array_pb2.DoubleArray
    vjp: _array_pb2.DoubleArray
    determinant: bool
    def __init__(self, system: _Optional[_Union[_system_pb2.SystemRef, _Mapping]] = ..., at: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., parameters: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., mode: _Optional[_Union[_solver_pb2.JacobianMode, str]] = ..., value: _Optional[bool] = ..., matrix: _Optional[bool] = ..., jvp: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., vjp: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., determinant: _Optional[bool] = ...) -> None: ...

class EvaluateResponse(_message.Message):
    __slots__ = ("value", "matrix", "jvp", "vjp", "determinant", "evaluations", "system_id")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    MATRIX_FIELD_NUMBER: _ClassVar[int]
    JVP_FIELD_NUMBER: _ClassVar[int]
    VJP_FIELD_NUMBER: _ClassVar[int]
    DETERMINANT_FIELD_NUMBER: _ClassVar[int]
    EVALUATIONS_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_ID_FIELD_NUMBER: _ClassVar[int]
    value: _array_pb2.DoubleArray
    matrix: _array_pb2.DoubleArray
    jvp: _array_pb2.DoubleArray
    vjp: _array_pb2.DoubleArray
    determinant: Determinant
    evaluations: int
    system_id: str
    def __init__(self, value: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., matrix: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., jvp: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., vjp: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., determinant: _Optional[_Union[Determinant, _Mapping]] = ..., evaluations: _Optional[int] = ..., system_id: _Optional[str] = ...) -> None: ...

class Determinant(_message.Message):
    __slots__ = ("sign", "log_abs")
    SIGN_FIELD_NUMBER: _ClassVar[int]
    LOG_ABS_FIELD_NUMBER: _ClassVar[int]
    sign: float
    log_abs: float
    def __init__(self, sign: _Optional[float] = ..., log_abs: _Optional[float] = ...) -> None: ...
