from raphson.v1 import array_pb2 as _array_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class System(_message.Message):
    __slots__ = ("equations", "variables", "parameters", "jacobian")
    EQUATIONS_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    JACOBIAN_FIELD_NUMBER: _ClassVar[int]
    equations: _containers.RepeatedScalarFieldContainer[str]
    variables: _containers.RepeatedCompositeFieldContainer[Variable]
    parameters: _containers.RepeatedCompositeFieldContainer[Parameter]
    jacobian: _containers.RepeatedCompositeFieldContainer[JacobianRow]
    def __init__(self, equations: _Optional[_Iterable[str]] = ..., variables: _Optional[_Iterable[_Union[Variable, _Mapping]]] = ..., parameters: _Optional[_Iterable[_Union[Parameter, _Mapping]]] = ..., jacobian: _Optional[_Iterable[_Union[JacobianRow, _Mapping]]] = ...) -> None: ...

class Variable(_message.Message):
    __slots__ = ("name", "shape")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    shape: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., shape: _Optional[_Iterable[int]] = ...) -> None: ...

class Parameter(_message.Message):
    __slots__ = ("name", "shape", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    shape: _containers.RepeatedScalarFieldContainer[int]
    value: _array_pb2.DoubleArray
    def __init__(self, name: _Optional[str] = ..., shape: _Optional[_Iterable[int]] = ..., value: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ...) -> None: ...

class JacobianRow(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, entries: _Optional[_Iterable[str]] = ...) -> None: ...

class SystemRef(_message.Message):
    __slots__ = ("definition", "system_id", "registered")
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_ID_FIELD_NUMBER: _ClassVar[int]
    REGISTERED_FIELD_NUMBER: _ClassVar[int]
    definition: System
    system_id: str
    registered: str
    def __init__(self, definition: _Optional[_Union[System, _Mapping]] = ..., system_id: _Optional[str] = ..., registered: _Optional[str] = ...) -> None: ...

class ListRegisteredRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListRegisteredResponse(_message.Message):
    __slots__ = ("systems",)
    SYSTEMS_FIELD_NUMBER: _ClassVar[int]
    systems: _containers.RepeatedCompositeFieldContainer[RegisteredSystem]
    def __init__(self, systems: _Optional[_Iterable[_Union[RegisteredSystem, _Mapping]]] = ...) -> None: ...

class RegisteredSystem(_message.Message):
    __slots__ = ("name", "variables", "parameters", "equation_count", "has_jacobian", "documentation")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    EQUATION_COUNT_FIELD_NUMBER: _ClassVar[int]
    HAS_JACOBIAN_FIELD_NUMBER: _ClassVar[int]
    DOCUMENTATION_FIELD_NUMBER: _ClassVar[int]
    name: str
    variables: _containers.RepeatedCompositeFieldContainer[Variable]
    parameters: _containers.RepeatedCompositeFieldContainer[Parameter]
    equation_count: int
    has_jacobian: bool
    documentation: str
    def __init__(self, name: _Optional[str] = ..., variables: _Optional[_Iterable[_Union[Variable, _Mapping]]] = ..., parameters: _Optional[_Iterable[_Union[Parameter, _Mapping]]] = ..., equation_count: _Optional[int] = ..., has_jacobian: _Optional[bool] = ..., documentation: _Optional[str] = ...) -> None: ...

class CompileRequest(_message.Message):
    __slots__ = ("definition",)
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    definition: System
    def __init__(self, definition: _Optional[_Union[System, _Mapping]] = ...) -> None: ...

class CompileResponse(_message.Message):
    __slots__ = ("system_id", "variable_count", "equation_count", "variables", "parameters", "equation_names", "sparsity_rows", "sparsity_columns")
    SYSTEM_ID_FIELD_NUMBER: _ClassVar[int]
    VARIABLE_COUNT_FIELD_NUMBER: _ClassVar[int]
    EQUATION_COUNT_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    EQUATION_NAMES_FIELD_NUMBER: _ClassVar[int]
    SPARSITY_ROWS_FIELD_NUMBER: _ClassVar[int]
    SPARSITY_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    system_id: str
    variable_count: int
    equation_count: int
    variables: _containers.RepeatedCompositeFieldContainer[Variable]
    parameters: _containers.RepeatedCompositeFieldContainer[Parameter]
    equation_names: _containers.RepeatedScalarFieldContainer[str]
    sparsity_rows: _containers.RepeatedScalarFieldContainer[int]
    sparsity_columns: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, system_id: _Optional[str] = ..., variable_count: _Optional[int] = ..., equation_count: _Optional[int] = ..., variables: _Optional[_Iterable[_Union[Variable, _Mapping]]] = ..., parameters: _Optional[_Iterable[_Union[Parameter, _Mapping]]] = ..., equation_names: _Optional[_Iterable[str]] = ..., sparsity_rows: _Optional[_Iterable[int]] = ..., sparsity_columns: _Optional[_Iterable[int]] = ...) -> None: ...
