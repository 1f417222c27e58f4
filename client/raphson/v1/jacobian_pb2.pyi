from raphson.v1 import array_pb2 as _array_pb2
from raphson.v1 import solver_pb2 as _solver_pb2
from raphson.v1 import system_pb2 as _system_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ChainOrder(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHAIN_ORDER_UNSPECIFIED: _ClassVar[ChainOrder]
    CHAIN_ORDER_AUTO: _ClassVar[ChainOrder]
    CHAIN_ORDER_FORWARD: _ClassVar[ChainOrder]
    CHAIN_ORDER_REVERSE: _ClassVar[ChainOrder]
CHAIN_ORDER_UNSPECIFIED: ChainOrder
CHAIN_ORDER_AUTO: ChainOrder
CHAIN_ORDER_FORWARD: ChainOrder
CHAIN_ORDER_REVERSE: ChainOrder

class EvaluateRequest(_message.Message):
    __slots__ = ("system", "at", "parameters", "mode", "value", "matrix", "jvp", "vjp", "determinant", "batch_dimensions", "batched_parameters", "sparse", "gradient", "hessian_vector", "spectrum", "log_density", "covariance", "error_estimate", "bounds")
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    MATRIX_FIELD_NUMBER: _ClassVar[int]
    JVP_FIELD_NUMBER: _ClassVar[int]
    VJP_FIELD_NUMBER: _ClassVar[int]
    DETERMINANT_FIELD_NUMBER: _ClassVar[int]
    BATCH_DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    BATCHED_PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    SPARSE_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_FIELD_NUMBER: _ClassVar[int]
    HESSIAN_VECTOR_FIELD_NUMBER: _ClassVar[int]
    SPECTRUM_FIELD_NUMBER: _ClassVar[int]
    LOG_DENSITY_FIELD_NUMBER: _ClassVar[int]
    COVARIANCE_FIELD_NUMBER: _ClassVar[int]
    ERROR_ESTIMATE_FIELD_NUMBER: _ClassVar[int]
    BOUNDS_FIELD_NUMBER: _ClassVar[int]
    system: _system_pb2.SystemRef
    at: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    parameters: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    mode: _solver_pb2.JacobianMode
    value: bool
    matrix: bool
    jvp: _array_pb2.DoubleArray
    vjp: _array_pb2.DoubleArray
    determinant: bool
    batch_dimensions: int
    batched_parameters: _containers.RepeatedScalarFieldContainer[str]
    sparse: bool
    gradient: bool
    hessian_vector: _array_pb2.DoubleArray
    spectrum: bool
    log_density: _array_pb2.DoubleArray
    covariance: _array_pb2.DoubleArray
    error_estimate: bool
    bounds: _containers.RepeatedCompositeFieldContainer[_solver_pb2.Bounds]
    def __init__(self, system: _Optional[_Union[_system_pb2.SystemRef, _Mapping]] = ..., at: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., parameters: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., mode: _Optional[_Union[_solver_pb2.JacobianMode, str]] = ..., value: _Optional[bool] = ..., matrix: _Optional[bool] = ..., jvp: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., vjp: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., determinant: _Optional[bool] = ..., batch_dimensions: _Optional[int] = ..., batched_parameters: _Optional[_Iterable[str]] = ..., sparse: _Optional[bool] = ..., gradient: _Optional[bool] = ..., hessian_vector: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., spectrum: _Optional[bool] = ..., log_density: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., covariance: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., error_estimate: _Optional[bool] = ..., bounds: _Optional[_Iterable[_Union[_solver_pb2.Bounds, _Mapping]]] = ...) -> None: ...

class EvaluateResponse(_message.Message):
    __slots__ = ("value", "matrix", "jvp", "vjp", "determinant", "evaluations", "system_id", "sparse", "gradient", "hessian_vector", "spectrum", "log_density", "covariance", "standard_deviations", "error", "equation_names")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    MATRIX_FIELD_NUMBER: _ClassVar[int]
    JVP_FIELD_NUMBER: _ClassVar[int]
    VJP_FIELD_NUMBER: _ClassVar[int]
    DETERMINANT_FIELD_NUMBER: _ClassVar[int]
    EVALUATIONS_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_ID_FIELD_NUMBER: _ClassVar[int]
    SPARSE_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_FIELD_NUMBER: _ClassVar[int]
    HESSIAN_VECTOR_FIELD_NUMBER: _ClassVar[int]
    SPECTRUM_FIELD_NUMBER: _ClassVar[int]
    LOG_DENSITY_FIELD_NUMBER: _ClassVar[int]
    COVARIANCE_FIELD_NUMBER: _ClassVar[int]
    STANDARD_DEVIATIONS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    EQUATION_NAMES_FIELD_NUMBER: _ClassVar[int]
    value: _array_pb2.DoubleArray
    matrix: _array_pb2.DoubleArray
    jvp: _array_pb2.DoubleArray
    vjp: _array_pb2.DoubleArray
    determinant: Determinant
    evaluations: int
    system_id: str
    sparse: SparseEntries
    gradient: _array_pb2.DoubleArray
    hessian_vector: _array_pb2.DoubleArray
    spectrum: Spectrum
    log_density: _array_pb2.DoubleArray
    covariance: _array_pb2.DoubleArray
    standard_deviations: _array_pb2.DoubleArray
    error: _array_pb2.DoubleArray
    equation_names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, value: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., matrix: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., jvp: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., vjp: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., determinant: _Optional[_Union[Determinant, _Mapping]] = ..., evaluations: _Optional[int] = ..., system_id: _Optional[str] = ..., sparse: _Optional[_Union[SparseEntries, _Mapping]] = ..., gradient: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., hessian_vector: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., spectrum: _Optional[_Union[Spectrum, _Mapping]] = ..., log_density: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., covariance: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., standard_deviations: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., error: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., equation_names: _Optional[_Iterable[str]] = ...) -> None: ...

class Determinant(_message.Message):
    __slots__ = ("sign", "log_abs")
    SIGN_FIELD_NUMBER: _ClassVar[int]
    LOG_ABS_FIELD_NUMBER: _ClassVar[int]
    sign: _array_pb2.DoubleArray
    log_abs: _array_pb2.DoubleArray
    def __init__(self, sign: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., log_abs: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ...) -> None: ...

class SparseEntries(_message.Message):
    __slots__ = ("rows", "columns", "values", "equation_count", "variable_count")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    EQUATION_COUNT_FIELD_NUMBER: _ClassVar[int]
    VARIABLE_COUNT_FIELD_NUMBER: _ClassVar[int]
    rows: bytes
    columns: bytes
    values: _array_pb2.DoubleArray
    equation_count: int
    variable_count: int
    def __init__(self, rows: _Optional[bytes] = ..., columns: _Optional[bytes] = ..., values: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., equation_count: _Optional[int] = ..., variable_count: _Optional[int] = ...) -> None: ...

class Spectrum(_message.Message):
    __slots__ = ("singular_values", "condition", "rank")
    SINGULAR_VALUES_FIELD_NUMBER: _ClassVar[int]
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    singular_values: _array_pb2.DoubleArray
    condition: _array_pb2.DoubleArray
    rank: _array_pb2.DoubleArray
    def __init__(self, singular_values: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., condition: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., rank: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ...) -> None: ...

class EvaluateChainRequest(_message.Message):
    __slots__ = ("links", "at", "order", "mode", "matrix", "jvp", "vjp")
    LINKS_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    MATRIX_FIELD_NUMBER: _ClassVar[int]
    JVP_FIELD_NUMBER: _ClassVar[int]
    VJP_FIELD_NUMBER: _ClassVar[int]
    links: _containers.RepeatedCompositeFieldContainer[ChainLink]
    at: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    order: ChainOrder
    mode: _solver_pb2.JacobianMode
    matrix: bool
    jvp: _array_pb2.DoubleArray
    vjp: _array_pb2.DoubleArray
    def __init__(self, links: _Optional[_Iterable[_Union[ChainLink, _Mapping]]] = ..., at: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., order: _Optional[_Union[ChainOrder, str]] = ..., mode: _Optional[_Union[_solver_pb2.JacobianMode, str]] = ..., matrix: _Optional[bool] = ..., jvp: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., vjp: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ...) -> None: ...

class ChainLink(_message.Message):
    __slots__ = ("system", "parameters")
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    system: _system_pb2.SystemRef
    parameters: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    def __init__(self, system: _Optional[_Union[_system_pb2.SystemRef, _Mapping]] = ..., parameters: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ...) -> None: ...

class EvaluateChainResponse(_message.Message):
    __slots__ = ("value", "matrix", "jvp", "vjp", "order", "brackets", "forward_operations", "reverse_operations", "cheapest_operations", "evaluations", "system_ids")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    MATRIX_FIELD_NUMBER: _ClassVar[int]
    JVP_FIELD_NUMBER: _ClassVar[int]
    VJP_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    BRACKETS_FIELD_NUMBER: _ClassVar[int]
    FORWARD_OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    REVERSE_OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    CHEAPEST_OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    EVALUATIONS_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_IDS_FIELD_NUMBER: _ClassVar[int]
    value: _array_pb2.DoubleArray
    matrix: _array_pb2.DoubleArray
    jvp: _array_pb2.DoubleArray
    vjp: _array_pb2.DoubleArray
    order: ChainOrder
    brackets: str
    forward_operations: int
    reverse_operations: int
    cheapest_operations: int
    evaluations: int
    system_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, value: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., matrix: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., jvp: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., vjp: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., order: _Optional[_Union[ChainOrder, str]] = ..., brackets: _Optional[str] = ..., forward_operations: _Optional[int] = ..., reverse_operations: _Optional[int] = ..., cheapest_operations: _Optional[int] = ..., evaluations: _Optional[int] = ..., system_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class CheckJacobianRequest(_message.Message):
    __slots__ = ("system", "at", "parameters", "max_entries")
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    MAX_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    system: _system_pb2.SystemRef
    at: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    parameters: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    max_entries: int
    def __init__(self, system: _Optional[_Union[_system_pb2.SystemRef, _Mapping]] = ..., at: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., parameters: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., max_entries: _Optional[int] = ...) -> None: ...

class CheckJacobianResponse(_message.Message):
    __slots__ = ("agrees", "worst", "disagreeing", "largest_error", "system_id")
    AGREES_FIELD_NUMBER: _ClassVar[int]
    WORST_FIELD_NUMBER: _ClassVar[int]
    DISAGREEING_FIELD_NUMBER: _ClassVar[int]
    LARGEST_ERROR_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_ID_FIELD_NUMBER: _ClassVar[int]
    agrees: bool
    worst: _containers.RepeatedCompositeFieldContainer[CheckedEntry]
    disagreeing: int
    largest_error: float
    system_id: str
    def __init__(self, agrees: _Optional[bool] = ..., worst: _Optional[_Iterable[_Union[CheckedEntry, _Mapping]]] = ..., disagreeing: _Optional[int] = ..., largest_error: _Optional[float] = ..., system_id: _Optional[str] = ...) -> None: ...

class CheckedEntry(_message.Message):
    __slots__ = ("equation", "variable", "row", "column", "given", "exact", "central", "central_error")
    EQUATION_FIELD_NUMBER: _ClassVar[int]
    VARIABLE_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    GIVEN_FIELD_NUMBER: _ClassVar[int]
    EXACT_FIELD_NUMBER: _ClassVar[int]
    CENTRAL_FIELD_NUMBER: _ClassVar[int]
    CENTRAL_ERROR_FIELD_NUMBER: _ClassVar[int]
    equation: str
    variable: str
    row: int
    column: int
    given: float
    exact: float
    central: float
    central_error: float
    def __init__(self, equation: _Optional[str] = ..., variable: _Optional[str] = ..., row: _Optional[int] = ..., column: _Optional[int] = ..., given: _Optional[float] = ..., exact: _Optional[float] = ..., central: _Optional[float] = ..., central_error: _Optional[float] = ...) -> None: ...

class TestDifferentiabilityRequest(_message.Message):
    __slots__ = ("system", "at", "parameters", "directions", "value")
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    DIRECTIONS_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    system: _system_pb2.SystemRef
    at: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    parameters: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    directions: int
    value: _array_pb2.DoubleArray
    def __init__(self, system: _Optional[_Union[_system_pb2.SystemRef, _Mapping]] = ..., at: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., parameters: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., directions: _Optional[int] = ..., value: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ...) -> None: ...

class TestDifferentiabilityResponse(_message.Message):
    __slots__ = ("differentiable", "affine", "order", "steps", "remainders", "worst_direction", "partial_derivatives_exist", "message", "system_id")
    DIFFERENTIABLE_FIELD_NUMBER: _ClassVar[int]
    AFFINE_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    REMAINDERS_FIELD_NUMBER: _ClassVar[int]
    WORST_DIRECTION_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_DERIVATIVES_EXIST_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_ID_FIELD_NUMBER: _ClassVar[int]
    differentiable: bool
    affine: bool
    order: float
    steps: _containers.RepeatedScalarFieldContainer[float]
    remainders: _containers.RepeatedScalarFieldContainer[float]
    worst_direction: _array_pb2.DoubleArray
    partial_derivatives_exist: bool
    message: str
    system_id: str
    def __init__(self, differentiable: _Optional[bool] = ..., affine: _Optional[bool] = ..., order: _Optional[float] = ..., steps: _Optional[_Iterable[float]] = ..., remainders: _Optional[_Iterable[float]] = ..., worst_direction: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., partial_derivatives_exist: _Optional[bool] = ..., message: _Optional[str] = ..., system_id: _Optional[str] = ...) -> None: ...
