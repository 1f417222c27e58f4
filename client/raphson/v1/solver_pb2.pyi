from raphson.v1 import array_pb2 as _array_pb2
from raphson.v1 import system_pb2 as _system_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class JacobianMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JACOBIAN_MODE_UNSPECIFIED: _ClassVar[JacobianMode]
    JACOBIAN_MODE_EXACT: _ClassVar[JacobianMode]
    JACOBIAN_MODE_FORWARD: _ClassVar[JacobianMode]
    JACOBIAN_MODE_CENTRAL: _ClassVar[JacobianMode]
    JACOBIAN_MODE_ANALYTIC: _ClassVar[JacobianMode]

class Method(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    METHOD_UNSPECIFIED: _ClassVar[Method]
    METHOD_AUTO: _ClassVar[Method]
    METHOD_NEWTON: _ClassVar[Method]
    METHOD_LINE_SEARCH: _ClassVar[Method]
    METHOD_LEVENBERG_MARQUARDT: _ClassVar[Method]

class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATUS_UNSPECIFIED: _ClassVar[Status]
    STATUS_CONVERGED: _ClassVar[Status]
    STATUS_STALLED: _ClassVar[Status]
    STATUS_LOCAL_MINIMUM: _ClassVar[Status]
    STATUS_SINGULAR: _ClassVar[Status]
    STATUS_DOMAIN_ERROR: _ClassVar[Status]
    STATUS_ITERATION_LIMIT: _ClassVar[Status]
    STATUS_TIME_LIMIT: _ClassVar[Status]
    STATUS_CANCELLED: _ClassVar[Status]
JACOBIAN_MODE_UNSPECIFIED: JacobianMode
JACOBIAN_MODE_EXACT: JacobianMode
JACOBIAN_MODE_FORWARD: JacobianMode
JACOBIAN_MODE_CENTRAL: JacobianMode
JACOBIAN_MODE_ANALYTIC: JacobianMode
METHOD_UNSPECIFIED: Method
METHOD_AUTO: Method
METHOD_NEWTON: Method
METHOD_LINE_SEARCH: Method
METHOD_LEVENBERG_MARQUARDT: Method
STATUS_UNSPECIFIED: Status
STATUS_CONVERGED: Status
STATUS_STALLED: Status
STATUS_LOCAL_MINIMUM: Status
STATUS_SINGULAR: Status
STATUS_DOMAIN_ERROR: Status
STATUS_ITERATION_LIMIT: Status
STATUS_TIME_LIMIT: Status
STATUS_CANCELLED: Status

class SolveRequest(_message.Message):
    __slots__ = ("system", "start", "parameters", "options")
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    system: _system_pb2.SystemRef
    start: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    parameters: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    options: SolveOptions
    def __init__(self, system: _Optional[_Union[_system_pb2.SystemRef, _Mapping]] = ..., start: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., parameters: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., options: _Optional[_Union[SolveOptions, _Mapping]] = ...) -> None: ...

class SolveOptions(_message.Message):
    __slots__ = ("method", "jacobian", "tolerance", "absolute_tolerance", "max_iterations", "timeout_seconds", "return_jacobian")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    JACOBIAN_FIELD_NUMBER: _ClassVar[int]
    TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    ABSOLUTE_TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    MAX_ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    RETURN_JACOBIAN_FIELD_NUMBER: _ClassVar[int]
    method: Method
    jacobian: JacobianMode
    tolerance: float
    absolute_tolerance: float
    max_iterations: int
    timeout_seconds: float
    return_jacobian: bool
    def __init__(self, method: _Optional[_Union[Method, str]] = ..., jacobian: _Optional[_Union[JacobianMode, str]] = ..., tolerance: _Optional[float] = ..., absolute_tolerance: _Optional[float] = ..., max_iterations: _Optional[int] = ..., timeout_seconds: _Optional[float] = ..., return_jacobian: _Optional[bool] = ...) -> None: ...

class SolveResponse(_message.Message):
    __slots__ = ("status", "message", "remedy", "solution", "residual", "scaled_residual", "residual_norm", "iterations", "evaluations", "jacobian_evaluations", "elapsed_seconds", "system_id", "jacobian", "method")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    SOLUTION_FIELD_NUMBER: _ClassVar[int]
    RESIDUAL_FIELD_NUMBER: _ClassVar[int]
    SCALED_RESIDUAL_FIELD_NUMBER: _ClassVar[int]
    RESIDUAL_NORM_FIELD_NUMBER: _ClassVar[int]
    ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    EVALUATIONS_FIELD_NUMBER: _ClassVar[int]
    JACOBIAN_EVALUATIONS_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_ID_FIELD_NUMBER: _ClassVar[int]
    JACOBIAN_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    status: Status
    message: str
    remedy: str
    solution: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    residual: _array_pb2.DoubleArray
    scaled_residual: _array_pb2.DoubleArray
    residual_norm: float
    iterations: int
    evaluations: int
    jacobian_evaluations: int
    elapsed_seconds: float
    system_id: str
    jacobian: _array_pb2.DoubleArray
    method: Method
    def __init__(self, status: _Optional[_Union[Status, str]] = ..., message: _Optional[str] = ..., remedy: _Optional[str] = ..., solution: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., residual: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., scaled_residual: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., residual_norm: _Optional[float] = ..., iterations: _Optional[int] = ..., evaluations: _Optional[int] = ..., jacobian_evaluations: _Optional[int] = ..., elapsed_seconds: _Optional[float] = ..., system_id: _Optional[str] = ..., jacobian: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., method: _Optional[_Union[Method, str]] = ...) -> None: ...
