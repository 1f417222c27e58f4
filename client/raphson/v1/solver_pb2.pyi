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
    JACOBIAN_MODE_COMPLEX_STEP: _ClassVar[JacobianMode]

class LinearSolver(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LINEAR_SOLVER_UNSPECIFIED: _ClassVar[LinearSolver]
    LINEAR_SOLVER_AUTO: _ClassVar[LinearSolver]
    LINEAR_SOLVER_DENSE: _ClassVar[LinearSolver]
    LINEAR_SOLVER_DIRECT: _ClassVar[LinearSolver]
    LINEAR_SOLVER_KRYLOV: _ClassVar[LinearSolver]

class WarmStart(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WARM_START_UNSPECIFIED: _ClassVar[WarmStart]
    WARM_START_PREVIOUS: _ClassVar[WarmStart]
    WARM_START_NEAREST: _ClassVar[WarmStart]

class Method(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    METHOD_UNSPECIFIED: _ClassVar[Method]
    METHOD_AUTO: _ClassVar[Method]
    METHOD_NEWTON: _ClassVar[Method]
    METHOD_LINE_SEARCH: _ClassVar[Method]
    METHOD_LEVENBERG_MARQUARDT: _ClassVar[Method]
    METHOD_CUBIC_LINE_SEARCH: _ClassVar[Method]
    METHOD_TRUST_REGION: _ClassVar[Method]
    METHOD_PSEUDO_TRANSIENT: _ClassVar[Method]
    METHOD_BROYDEN: _ClassVar[Method]
    METHOD_BRACKETING: _ClassVar[Method]

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
    STATUS_LEAST_SQUARES: _ClassVar[Status]
    STATUS_EVALUATION_LIMIT: _ClassVar[Status]
JACOBIAN_MODE_UNSPECIFIED: JacobianMode
JACOBIAN_MODE_EXACT: JacobianMode
JACOBIAN_MODE_FORWARD: JacobianMode
JACOBIAN_MODE_CENTRAL: JacobianMode
JACOBIAN_MODE_ANALYTIC: JacobianMode
JACOBIAN_MODE_COMPLEX_STEP: JacobianMode
LINEAR_SOLVER_UNSPECIFIED: LinearSolver
LINEAR_SOLVER_AUTO: LinearSolver
LINEAR_SOLVER_DENSE: LinearSolver
LINEAR_SOLVER_DIRECT: LinearSolver
LINEAR_SOLVER_KRYLOV: LinearSolver
WARM_START_UNSPECIFIED: WarmStart
WARM_START_PREVIOUS: WarmStart
WARM_START_NEAREST: WarmStart
METHOD_UNSPECIFIED: Method
METHOD_AUTO: Method
METHOD_NEWTON: Method
METHOD_LINE_SEARCH: Method
METHOD_LEVENBERG_MARQUARDT: Method
METHOD_CUBIC_LINE_SEARCH: Method
METHOD_TRUST_REGION: Method
METHOD_PSEUDO_TRANSIENT: Method
METHOD_BROYDEN: Method
METHOD_BRACKETING: Method
STATUS_UNSPECIFIED: Status
STATUS_CONVERGED: Status
STATUS_STALLED: Status
STATUS_LOCAL_MINIMUM: Status
STATUS_SINGULAR: Status
STATUS_DOMAIN_ERROR: Status
STATUS_ITERATION_LIMIT: Status
STATUS_TIME_LIMIT: Status
STATUS_CANCELLED: Status
STATUS_LEAST_SQUARES: Status
STATUS_EVALUATION_LIMIT: Status

class SolveRequest(_message.Message):
    __slots__ = ("system", "start", "parameters", "options", "bounds", "nominal", "nominal_residual", "evidence")
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    BOUNDS_FIELD_NUMBER: _ClassVar[int]
    NOMINAL_FIELD_NUMBER: _ClassVar[int]
    NOMINAL_RESIDUAL_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    system: _system_pb2.SystemRef
    start: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    parameters: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    options: SolveOptions
    bounds: _containers.RepeatedCompositeFieldContainer[Bounds]
    nominal: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    nominal_residual: _array_pb2.DoubleArray
    evidence: EvidenceRequest
    def __init__(self, system: _Optional[_Union[_system_pb2.SystemRef, _Mapping]] = ..., start: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., parameters: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., options: _Optional[_Union[SolveOptions, _Mapping]] = ..., bounds: _Optional[_Iterable[_Union[Bounds, _Mapping]]] = ..., nominal: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., nominal_residual: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., evidence: _Optional[_Union[EvidenceRequest, _Mapping]] = ...) -> None: ...

class SolveCallbackRequest(_message.Message):
    __slots__ = ("opening", "answer")
    OPENING_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    opening: CallbackOpening
    answer: CallbackAnswer
    def __init__(self, opening: _Optional[_Union[CallbackOpening, _Mapping]] = ..., answer: _Optional[_Union[CallbackAnswer, _Mapping]] = ...) -> None: ...

class SolveCallbackResponse(_message.Message):
    __slots__ = ("question", "result")
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    question: CallbackQuestion
    result: SolveResponse
    def __init__(self, question: _Optional[_Union[CallbackQuestion, _Mapping]] = ..., result: _Optional[_Union[SolveResponse, _Mapping]] = ...) -> None: ...

class CallbackOpening(_message.Message):
    __slots__ = ("start", "bounds", "nominal", "nominal_residual", "options", "has_jacobian", "max_points")
    START_FIELD_NUMBER: _ClassVar[int]
    BOUNDS_FIELD_NUMBER: _ClassVar[int]
    NOMINAL_FIELD_NUMBER: _ClassVar[int]
    NOMINAL_RESIDUAL_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    HAS_JACOBIAN_FIELD_NUMBER: _ClassVar[int]
    MAX_POINTS_FIELD_NUMBER: _ClassVar[int]
    start: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    bounds: _containers.RepeatedCompositeFieldContainer[Bounds]
    nominal: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    nominal_residual: _array_pb2.DoubleArray
    options: SolveOptions
    has_jacobian: bool
    max_points: int
    def __init__(self, start: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., bounds: _Optional[_Iterable[_Union[Bounds, _Mapping]]] = ..., nominal: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., nominal_residual: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., options: _Optional[_Union[SolveOptions, _Mapping]] = ..., has_jacobian: _Optional[bool] = ..., max_points: _Optional[int] = ...) -> None: ...

class CallbackQuestion(_message.Message):
    __slots__ = ("number", "quantity", "points")
    class Quantity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        QUANTITY_UNSPECIFIED: _ClassVar[CallbackQuestion.Quantity]
        QUANTITY_VALUE: _ClassVar[CallbackQuestion.Quantity]
        QUANTITY_JACOBIAN: _ClassVar[CallbackQuestion.Quantity]
    QUANTITY_UNSPECIFIED: CallbackQuestion.Quantity
    QUANTITY_VALUE: CallbackQuestion.Quantity
    QUANTITY_JACOBIAN: CallbackQuestion.Quantity
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    number: int
    quantity: CallbackQuestion.Quantity
    points: _array_pb2.DoubleArray
    def __init__(self, number: _Optional[int] = ..., quantity: _Optional[_Union[CallbackQuestion.Quantity, str]] = ..., points: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ...) -> None: ...

class CallbackAnswer(_message.Message):
    __slots__ = ("number", "values", "undefined")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    UNDEFINED_FIELD_NUMBER: _ClassVar[int]
    number: int
    values: _array_pb2.DoubleArray
    undefined: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, number: _Optional[int] = ..., values: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., undefined: _Optional[_Iterable[int]] = ...) -> None: ...

class Bounds(_message.Message):
    __slots__ = ("name", "lower", "upper")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LOWER_FIELD_NUMBER: _ClassVar[int]
    UPPER_FIELD_NUMBER: _ClassVar[int]
    name: str
    lower: _array_pb2.DoubleArray
    upper: _array_pb2.DoubleArray
    def __init__(self, name: _Optional[str] = ..., lower: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., upper: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ...) -> None: ...

class EvidenceRequest(_message.Message):
    __slots__ = ("trace", "explanation", "certificate", "sensitivity", "adjoint", "parameter_covariance")
    TRACE_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    SENSITIVITY_FIELD_NUMBER: _ClassVar[int]
    ADJOINT_FIELD_NUMBER: _ClassVar[int]
    PARAMETER_COVARIANCE_FIELD_NUMBER: _ClassVar[int]
    trace: bool
    explanation: bool
    certificate: bool
    sensitivity: bool
    adjoint: _array_pb2.DoubleArray
    parameter_covariance: _array_pb2.DoubleArray
    def __init__(self, trace: _Optional[bool] = ..., explanation: _Optional[bool] = ..., certificate: _Optional[bool] = ..., sensitivity: _Optional[bool] = ..., adjoint: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., parameter_covariance: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ...) -> None: ...

class SolveOptions(_message.Message):
    __slots__ = ("method", "jacobian", "tolerance", "absolute_tolerance", "max_iterations", "timeout_seconds", "return_jacobian", "max_evaluations", "whole", "linear_solver")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    JACOBIAN_FIELD_NUMBER: _ClassVar[int]
    TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    ABSOLUTE_TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    MAX_ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    RETURN_JACOBIAN_FIELD_NUMBER: _ClassVar[int]
    MAX_EVALUATIONS_FIELD_NUMBER: _ClassVar[int]
    WHOLE_FIELD_NUMBER: _ClassVar[int]
    LINEAR_SOLVER_FIELD_NUMBER: _ClassVar[int]
    method: Method
    jacobian: JacobianMode
    tolerance: float
    absolute_tolerance: float
    max_iterations: int
    timeout_seconds: float
    return_jacobian: bool
    max_evaluations: int
    whole: bool
    linear_solver: LinearSolver
    def __init__(self, method: _Optional[_Union[Method, str]] = ..., jacobian: _Optional[_Union[JacobianMode, str]] = ..., tolerance: _Optional[float] = ..., absolute_tolerance: _Optional[float] = ..., max_iterations: _Optional[int] = ..., timeout_seconds: _Optional[float] = ..., return_jacobian: _Optional[bool] = ..., max_evaluations: _Optional[int] = ..., whole: _Optional[bool] = ..., linear_solver: _Optional[_Union[LinearSolver, str]] = ...) -> None: ...

class SolveResponse(_message.Message):
    __slots__ = ("status", "message", "remedy", "solution", "residual", "scaled_residual", "residual_norm", "iterations", "evaluations", "jacobian_evaluations", "elapsed_seconds", "system_id", "jacobian", "method", "active_bounds", "regularized_steps", "trace", "explanation", "certificate", "sensitivity", "adjoint", "covariance", "parameter_elements", "evidence_note", "linear_solver")
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
    ACTIVE_BOUNDS_FIELD_NUMBER: _ClassVar[int]
    REGULARIZED_STEPS_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    SENSITIVITY_FIELD_NUMBER: _ClassVar[int]
    ADJOINT_FIELD_NUMBER: _ClassVar[int]
    COVARIANCE_FIELD_NUMBER: _ClassVar[int]
    PARAMETER_ELEMENTS_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_NOTE_FIELD_NUMBER: _ClassVar[int]
    LINEAR_SOLVER_FIELD_NUMBER: _ClassVar[int]
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
    active_bounds: _containers.RepeatedCompositeFieldContainer[ActiveBound]
    regularized_steps: int
    trace: _containers.RepeatedCompositeFieldContainer[TraceStep]
    explanation: Explanation
    certificate: Certificate
    sensitivity: _array_pb2.DoubleArray
    adjoint: _array_pb2.DoubleArray
    covariance: _array_pb2.DoubleArray
    parameter_elements: _containers.RepeatedScalarFieldContainer[str]
    evidence_note: str
    linear_solver: str
    def __init__(self, status: _Optional[_Union[Status, str]] = ..., message: _Optional[str] = ..., remedy: _Optional[str] = ..., solution: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., residual: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., scaled_residual: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., residual_norm: _Optional[float] = ..., iterations: _Optional[int] = ..., evaluations: _Optional[int] = ..., jacobian_evaluations: _Optional[int] = ..., elapsed_seconds: _Optional[float] = ..., system_id: _Optional[str] = ..., jacobian: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., method: _Optional[_Union[Method, str]] = ..., active_bounds: _Optional[_Iterable[_Union[ActiveBound, _Mapping]]] = ..., regularized_steps: _Optional[int] = ..., trace: _Optional[_Iterable[_Union[TraceStep, _Mapping]]] = ..., explanation: _Optional[_Union[Explanation, _Mapping]] = ..., certificate: _Optional[_Union[Certificate, _Mapping]] = ..., sensitivity: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., adjoint: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., covariance: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., parameter_elements: _Optional[_Iterable[str]] = ..., evidence_note: _Optional[str] = ..., linear_solver: _Optional[str] = ...) -> None: ...

class SolveWithProgressResponse(_message.Message):
    __slots__ = ("progress", "result")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    progress: SolveProgress
    result: SolveResponse
    def __init__(self, progress: _Optional[_Union[SolveProgress, _Mapping]] = ..., result: _Optional[_Union[SolveResponse, _Mapping]] = ...) -> None: ...

class SolveProgress(_message.Message):
    __slots__ = ("iteration", "residual_norm", "scaled_residual", "elapsed_seconds", "linear_seconds", "method", "linear_solver")
    ITERATION_FIELD_NUMBER: _ClassVar[int]
    RESIDUAL_NORM_FIELD_NUMBER: _ClassVar[int]
    SCALED_RESIDUAL_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_SECONDS_FIELD_NUMBER: _ClassVar[int]
    LINEAR_SECONDS_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    LINEAR_SOLVER_FIELD_NUMBER: _ClassVar[int]
    iteration: int
    residual_norm: float
    scaled_residual: float
    elapsed_seconds: float
    linear_seconds: float
    method: Method
    linear_solver: str
    def __init__(self, iteration: _Optional[int] = ..., residual_norm: _Optional[float] = ..., scaled_residual: _Optional[float] = ..., elapsed_seconds: _Optional[float] = ..., linear_seconds: _Optional[float] = ..., method: _Optional[_Union[Method, str]] = ..., linear_solver: _Optional[str] = ...) -> None: ...

class ActiveBound(_message.Message):
    __slots__ = ("element", "side")
    class Side(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        SIDE_UNSPECIFIED: _ClassVar[ActiveBound.Side]
        SIDE_LOWER: _ClassVar[ActiveBound.Side]
        SIDE_UPPER: _ClassVar[ActiveBound.Side]
    SIDE_UNSPECIFIED: ActiveBound.Side
    SIDE_LOWER: ActiveBound.Side
    SIDE_UPPER: ActiveBound.Side
    ELEMENT_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    element: str
    side: ActiveBound.Side
    def __init__(self, element: _Optional[str] = ..., side: _Optional[_Union[ActiveBound.Side, str]] = ...) -> None: ...

class TraceStep(_message.Message):
    __slots__ = ("method", "x", "residual_norm", "scaled_residual", "step", "damping")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    X_FIELD_NUMBER: _ClassVar[int]
    RESIDUAL_NORM_FIELD_NUMBER: _ClassVar[int]
    SCALED_RESIDUAL_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    DAMPING_FIELD_NUMBER: _ClassVar[int]
    method: Method
    x: _array_pb2.DoubleArray
    residual_norm: float
    scaled_residual: float
    step: float
    damping: float
    def __init__(self, method: _Optional[_Union[Method, str]] = ..., x: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., residual_norm: _Optional[float] = ..., scaled_residual: _Optional[float] = ..., step: _Optional[float] = ..., damping: _Optional[float] = ...) -> None: ...

class Certificate(_message.Message):
    __slots__ = ("proven", "lower", "upper", "radius", "unique_radius", "reason")
    PROVEN_FIELD_NUMBER: _ClassVar[int]
    LOWER_FIELD_NUMBER: _ClassVar[int]
    UPPER_FIELD_NUMBER: _ClassVar[int]
    RADIUS_FIELD_NUMBER: _ClassVar[int]
    UNIQUE_RADIUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    proven: bool
    lower: _array_pb2.DoubleArray
    upper: _array_pb2.DoubleArray
    radius: _array_pb2.DoubleArray
    unique_radius: _array_pb2.DoubleArray
    reason: str
    def __init__(self, proven: _Optional[bool] = ..., lower: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., upper: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., radius: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., unique_radius: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("system", "at", "parameters", "bounds")
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    BOUNDS_FIELD_NUMBER: _ClassVar[int]
    system: _system_pb2.SystemRef
    at: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    parameters: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    bounds: _containers.RepeatedCompositeFieldContainer[Bounds]
    def __init__(self, system: _Optional[_Union[_system_pb2.SystemRef, _Mapping]] = ..., at: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., parameters: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., bounds: _Optional[_Iterable[_Union[Bounds, _Mapping]]] = ...) -> None: ...

class Explanation(_message.Message):
    __slots__ = ("lines", "system_id", "structural_rank", "overdetermined", "underdetermined", "not_finite", "worst_equations", "active_bounds", "parallel_equations", "parallel_variables", "condition", "rank")
    LINES_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_ID_FIELD_NUMBER: _ClassVar[int]
    STRUCTURAL_RANK_FIELD_NUMBER: _ClassVar[int]
    OVERDETERMINED_FIELD_NUMBER: _ClassVar[int]
    UNDERDETERMINED_FIELD_NUMBER: _ClassVar[int]
    NOT_FINITE_FIELD_NUMBER: _ClassVar[int]
    WORST_EQUATIONS_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_BOUNDS_FIELD_NUMBER: _ClassVar[int]
    PARALLEL_EQUATIONS_FIELD_NUMBER: _ClassVar[int]
    PARALLEL_VARIABLES_FIELD_NUMBER: _ClassVar[int]
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedScalarFieldContainer[str]
    system_id: str
    structural_rank: int
    overdetermined: _containers.RepeatedCompositeFieldContainer[Part]
    underdetermined: _containers.RepeatedCompositeFieldContainer[Part]
    not_finite: NotFinite
    worst_equations: _containers.RepeatedCompositeFieldContainer[WorstEquation]
    active_bounds: _containers.RepeatedCompositeFieldContainer[ActiveBound]
    parallel_equations: _containers.RepeatedCompositeFieldContainer[Pair]
    parallel_variables: _containers.RepeatedCompositeFieldContainer[Pair]
    condition: float
    rank: int
    def __init__(self, lines: _Optional[_Iterable[str]] = ..., system_id: _Optional[str] = ..., structural_rank: _Optional[int] = ..., overdetermined: _Optional[_Iterable[_Union[Part, _Mapping]]] = ..., underdetermined: _Optional[_Iterable[_Union[Part, _Mapping]]] = ..., not_finite: _Optional[_Union[NotFinite, _Mapping]] = ..., worst_equations: _Optional[_Iterable[_Union[WorstEquation, _Mapping]]] = ..., active_bounds: _Optional[_Iterable[_Union[ActiveBound, _Mapping]]] = ..., parallel_equations: _Optional[_Iterable[_Union[Pair, _Mapping]]] = ..., parallel_variables: _Optional[_Iterable[_Union[Pair, _Mapping]]] = ..., condition: _Optional[float] = ..., rank: _Optional[int] = ...) -> None: ...

class Part(_message.Message):
    __slots__ = ("equations", "variables", "more_equations", "more_variables")
    EQUATIONS_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    MORE_EQUATIONS_FIELD_NUMBER: _ClassVar[int]
    MORE_VARIABLES_FIELD_NUMBER: _ClassVar[int]
    equations: _containers.RepeatedScalarFieldContainer[str]
    variables: _containers.RepeatedScalarFieldContainer[str]
    more_equations: int
    more_variables: int
    def __init__(self, equations: _Optional[_Iterable[str]] = ..., variables: _Optional[_Iterable[str]] = ..., more_equations: _Optional[int] = ..., more_variables: _Optional[int] = ...) -> None: ...

class NotFinite(_message.Message):
    __slots__ = ("equation", "variable", "text", "arguments", "value", "reason")
    EQUATION_FIELD_NUMBER: _ClassVar[int]
    VARIABLE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    equation: str
    variable: str
    text: str
    arguments: _containers.RepeatedScalarFieldContainer[float]
    value: float
    reason: str
    def __init__(self, equation: _Optional[str] = ..., variable: _Optional[str] = ..., text: _Optional[str] = ..., arguments: _Optional[_Iterable[float]] = ..., value: _Optional[float] = ..., reason: _Optional[str] = ...) -> None: ...

class WorstEquation(_message.Message):
    __slots__ = ("equation", "residual", "scaled_residual")
    EQUATION_FIELD_NUMBER: _ClassVar[int]
    RESIDUAL_FIELD_NUMBER: _ClassVar[int]
    SCALED_RESIDUAL_FIELD_NUMBER: _ClassVar[int]
    equation: str
    residual: float
    scaled_residual: float
    def __init__(self, equation: _Optional[str] = ..., residual: _Optional[float] = ..., scaled_residual: _Optional[float] = ...) -> None: ...

class Pair(_message.Message):
    __slots__ = ("first", "second", "cosine")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    COSINE_FIELD_NUMBER: _ClassVar[int]
    first: str
    second: str
    cosine: float
    def __init__(self, first: _Optional[str] = ..., second: _Optional[str] = ..., cosine: _Optional[float] = ...) -> None: ...

class FindAllRequest(_message.Message):
    __slots__ = ("system", "bounds", "parameters", "options", "max_starts", "max_roots", "prove", "max_boxes")
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    BOUNDS_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    MAX_STARTS_FIELD_NUMBER: _ClassVar[int]
    MAX_ROOTS_FIELD_NUMBER: _ClassVar[int]
    PROVE_FIELD_NUMBER: _ClassVar[int]
    MAX_BOXES_FIELD_NUMBER: _ClassVar[int]
    system: _system_pb2.SystemRef
    bounds: _containers.RepeatedCompositeFieldContainer[Bounds]
    parameters: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    options: SolveOptions
    max_starts: int
    max_roots: int
    prove: bool
    max_boxes: int
    def __init__(self, system: _Optional[_Union[_system_pb2.SystemRef, _Mapping]] = ..., bounds: _Optional[_Iterable[_Union[Bounds, _Mapping]]] = ..., parameters: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., options: _Optional[_Union[SolveOptions, _Mapping]] = ..., max_starts: _Optional[int] = ..., max_roots: _Optional[int] = ..., prove: _Optional[bool] = ..., max_boxes: _Optional[int] = ...) -> None: ...

class FindAllResponse(_message.Message):
    __slots__ = ("root", "summary")
    ROOT_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    root: FoundRoot
    summary: FindAllSummary
    def __init__(self, root: _Optional[_Union[FoundRoot, _Mapping]] = ..., summary: _Optional[_Union[FindAllSummary, _Mapping]] = ...) -> None: ...

class FoundRoot(_message.Message):
    __slots__ = ("solution", "residual", "certificate")
    SOLUTION_FIELD_NUMBER: _ClassVar[int]
    RESIDUAL_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    solution: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    residual: _array_pb2.DoubleArray
    certificate: Certificate
    def __init__(self, solution: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., residual: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., certificate: _Optional[_Union[Certificate, _Mapping]] = ...) -> None: ...

class FindAllSummary(_message.Message):
    __slots__ = ("roots", "starts", "complete", "undecided_lower", "undecided_upper", "reason", "system_id")
    ROOTS_FIELD_NUMBER: _ClassVar[int]
    STARTS_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    UNDECIDED_LOWER_FIELD_NUMBER: _ClassVar[int]
    UNDECIDED_UPPER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_ID_FIELD_NUMBER: _ClassVar[int]
    roots: int
    starts: int
    complete: bool
    undecided_lower: _array_pb2.DoubleArray
    undecided_upper: _array_pb2.DoubleArray
    reason: str
    system_id: str
    def __init__(self, roots: _Optional[int] = ..., starts: _Optional[int] = ..., complete: _Optional[bool] = ..., undecided_lower: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., undecided_upper: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., reason: _Optional[str] = ..., system_id: _Optional[str] = ...) -> None: ...

class FollowRequest(_message.Message):
    __slots__ = ("system", "start", "parameters", "parameter", "lower", "upper", "downwards", "max_points", "options")
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    PARAMETER_FIELD_NUMBER: _ClassVar[int]
    LOWER_FIELD_NUMBER: _ClassVar[int]
    UPPER_FIELD_NUMBER: _ClassVar[int]
    DOWNWARDS_FIELD_NUMBER: _ClassVar[int]
    MAX_POINTS_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    system: _system_pb2.SystemRef
    start: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    parameters: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    parameter: str
    lower: float
    upper: float
    downwards: bool
    max_points: int
    options: SolveOptions
    def __init__(self, system: _Optional[_Union[_system_pb2.SystemRef, _Mapping]] = ..., start: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., parameters: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., parameter: _Optional[str] = ..., lower: _Optional[float] = ..., upper: _Optional[float] = ..., downwards: _Optional[bool] = ..., max_points: _Optional[int] = ..., options: _Optional[_Union[SolveOptions, _Mapping]] = ...) -> None: ...

class FollowResponse(_message.Message):
    __slots__ = ("point", "end")
    POINT_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    point: BranchPoint
    end: BranchEnd
    def __init__(self, point: _Optional[_Union[BranchPoint, _Mapping]] = ..., end: _Optional[_Union[BranchEnd, _Mapping]] = ...) -> None: ...

class BranchPoint(_message.Message):
    __slots__ = ("kind", "parameter", "solution", "arclength")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[BranchPoint.Kind]
        KIND_START: _ClassVar[BranchPoint.Kind]
        KIND_REGULAR: _ClassVar[BranchPoint.Kind]
        KIND_TURNING_POINT: _ClassVar[BranchPoint.Kind]
        KIND_END: _ClassVar[BranchPoint.Kind]
        KIND_CROSSING: _ClassVar[BranchPoint.Kind]
    KIND_UNSPECIFIED: BranchPoint.Kind
    KIND_START: BranchPoint.Kind
    KIND_REGULAR: BranchPoint.Kind
    KIND_TURNING_POINT: BranchPoint.Kind
    KIND_END: BranchPoint.Kind
    KIND_CROSSING: BranchPoint.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    PARAMETER_FIELD_NUMBER: _ClassVar[int]
    SOLUTION_FIELD_NUMBER: _ClassVar[int]
    ARCLENGTH_FIELD_NUMBER: _ClassVar[int]
    kind: BranchPoint.Kind
    parameter: float
    solution: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    arclength: float
    def __init__(self, kind: _Optional[_Union[BranchPoint.Kind, str]] = ..., parameter: _Optional[float] = ..., solution: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., arclength: _Optional[float] = ...) -> None: ...

class BranchEnd(_message.Message):
    __slots__ = ("reason", "points", "turning_points", "system_id")
    REASON_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    TURNING_POINTS_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_ID_FIELD_NUMBER: _ClassVar[int]
    reason: str
    points: int
    turning_points: int
    system_id: str
    def __init__(self, reason: _Optional[str] = ..., points: _Optional[int] = ..., turning_points: _Optional[int] = ..., system_id: _Optional[str] = ...) -> None: ...

class SolveBatchRequest(_message.Message):
    __slots__ = ("system", "members", "start", "parameters", "options", "warm_start")
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    WARM_START_FIELD_NUMBER: _ClassVar[int]
    system: _system_pb2.SystemRef
    members: int
    start: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    parameters: _containers.RepeatedCompositeFieldContainer[_array_pb2.NamedArray]
    options: SolveOptions
    warm_start: WarmStart
    def __init__(self, system: _Optional[_Union[_system_pb2.SystemRef, _Mapping]] = ..., members: _Optional[int] = ..., start: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., parameters: _Optional[_Iterable[_Union[_array_pb2.NamedArray, _Mapping]]] = ..., options: _Optional[_Union[SolveOptions, _Mapping]] = ..., warm_start: _Optional[_Union[WarmStart, str]] = ...) -> None: ...

class SolveBatchResponse(_message.Message):
    __slots__ = ("x", "statuses", "residual_norms", "iterations", "system_id")
    X_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    RESIDUAL_NORMS_FIELD_NUMBER: _ClassVar[int]
    ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_ID_FIELD_NUMBER: _ClassVar[int]
    x: _array_pb2.DoubleArray
    statuses: bytes
    residual_norms: _array_pb2.DoubleArray
    iterations: bytes
    system_id: str
    def __init__(self, x: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., statuses: _Optional[bytes] = ..., residual_norms: _Optional[_Union[_array_pb2.DoubleArray, _Mapping]] = ..., iterations: _Optional[bytes] = ..., system_id: _Optional[str] = ...) -> None: ...
