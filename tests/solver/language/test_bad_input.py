"""Every text that is not of the language is refused: what is wrong, where, and what was expected."""

from __future__ import annotations

import pytest
import raphson_solver as rs

from tests.solver.building import build

REFUSED = [
    # Characters and numbers.
    ("x $ 2", "the character '$' is not part of the language", 2),
    ("x + y²", "the character '²' is not part of the language; write '**2'", 5),
    ("é", "the character 'é' is not part of the language", 0),
    ("x − 1", "the character '−' is not part of the language; write '-'", 2),
    ("x × 2", "the character '×' is not part of the language; write '*'", 2),
    ("x; y", "the character ';' is not part of the language; write each equation as a text of its own", 1),
    ("{x}", "the character '{' is not part of the language; write ( ) to group", 0),
    ("x @ y", "the character '@' is not part of the language; write sum(A[i,j]*x[j] for j in range(n))", 2),
    ("x & y", "the character '&' is not part of the language; write 'and'", 2),
    ("x | y", "the character '|' is not part of the language; write 'or', or abs(…) for a size", 2),
    ("!x", "the character '!' is not part of the language; write 'not' or '!='", 0),
    ("x # why", "the character '#' is not part of the language", 2),
    ("x\\y", r"the character '\\' is not part of the language", 1),
    ("x\x00", r"the character '\x00' is not part of the language", 1),
    ("x\u200b", r"the character '\u200b' is not part of the language", 1),
    ("\ud800", r"the character '\ud800' is not part of the language", 0),
    ("1e999", "the number 1e999 is too large; a double holds at most 1.8e308", 0),
    ("x + 1e309", "the number 1e309 is too large", 4),
    ("2x", "'2x' is neither a number nor a name; write '2*x' to multiply", 0),
    ("x + 3.5y", "'3.5y' is neither a number nor a name; write '3.5*y' to multiply", 4),
    ("1_000 * x", "'1_000' is neither a number nor a name", 0),
    ("0x1F", "'0x1F' is neither a number nor a name", 0),
    ("1.2.3", "'1.2.3' is neither a number nor a name", 0),
    ("1e", "'1e' is neither a number nor a name", 0),
    ("2²", "'2²' is neither a number nor a name", 0),
    # Names and functions.
    ("z", "unknown name 'z': neither a variable nor a parameter nor defined above", 0),
    ("x + rte", "unknown name 'rte': neither a variable nor a parameter nor defined above; did you mean 'rate'?", 4),
    ("sine(x)", "unknown function 'sine'; did you mean 'sin'?", 0),
    ("2*Exp(x)", "unknown function 'Exp'; did you mean 'exp'?", 2),
    ("SQRT(x)", "unknown function 'SQRT'; did you mean 'sqrt'?", 0),
    ("qqqqq(x)", "unknown function 'qqqqq'", 0),
    ("sin", "'sin' is a function; write sin(…)", 0),
    ("2 + where", "'where' is a function; write where(…)", 4),
    ("x(3)", "'x' is not a function; write '*' to multiply", 0),
    ("rate(x)", "'rate' is not a function; write '*' to multiply", 0),
    ("(x)(y)", "an operator is missing before '('; only a function's name can be called", 3),
    ("sin(x)(y)", "an operator is missing before '('", 6),
    ("sin()", "'sin' needs an argument", 4),
    ("sin(x, y)", "'sin' takes 1 argument, not 2", 0),
    ("1 + arctan2(x)", "'arctan2' takes 2 arguments, not 1", 4),
    ("where(x > 0, 1)", "'where' takes 3 arguments, not 2", 0),
    ("pow(x)", "'pow' takes 2 arguments, not 1", 0),
    ("x[0]", "'x' is a scalar and takes no index", 0),
    ("z[0]", "unknown name 'z'", 0),
    # What Python has and this language has not.
    ("__import__('os')", 'the character "\'" is not part of the language; texts in quotes do not exist here', 11),
    ("__import__(x)", "unknown function '__import__'", 0),
    ("exec(x)", "unknown function 'exec'", 0),
    ("x.real", "the character '.' is not part of the language; attributes do not exist here", 1),
    ("x.__class__", "the character '.' is not part of the language; attributes do not exist here", 1),
    ("lambda x: x", "the character ':' is not part of the language", 8),
    ("lambda", "lambdas do not exist here", 0),
    ("lambda x", "lambdas do not exist here", 0),
    ("(x for i in range(3))", "expected ')', found 'for'", 3),
    ("[x for i in range(3)]", "lists do not exist here; an index needs a name before it", 0),
    ("{i for i in x}", "the character '{' is not part of the language", 0),
    ("exp(x for i in range(3))", "'for' stands only in max, min, prod, sum and at the end of an equation", 6),
    ("(x, y)", "tuples do not exist here; expected ')'", 2),
    ("x, y", "expected = or the end, found ','", 1),
    ("x[1:2]", "the character ':' is not part of the language; write ':=' to define a name; slices do not", 3),
    ("x in y", "expected = or the end, found 'in'", 2),
    ("x is y", "an operator is missing before 'is'; write '*' to multiply", 2),
    ('"x"', "texts in quotes do not exist here", 0),
    ("x if y > 0", "expected 'else' to say what holds otherwise, found the end", 10),
    ("import os", "an operator is missing before 'os'", 7),
    ("x := 1", "'x' is already a variable; a definition needs a name of its own", 0),
    ("(w := x)", "':=' stands only at the start: name := expression", 3),
    ("y = w := 2", "':=' stands only at the start: name := expression", 6),
    # Unbalanced and unfinished.
    ("", "the equation is empty", 0),
    (" \t\n", "the equation is empty", 3),
    ("(x", "'(' was never closed", 0),
    ("x)", "')' was never opened", 1),
    ("x]", "']' was never opened", 1),
    ("(x]", "expected ')', found ']'", 2),
    ("sin(x + (y)", "'(' was never closed", 3),
    ("x +", "the text ends where a value is expected", 3),
    ("x = ", "the text ends where a value is expected", 4),
    ("= x", "expected a value, found '='", 0),
    ("x + * y", "expected a value, found '*'", 4),
    ("x ** * y", "expected a value, found '*'", 5),
    ("()", "expected a value, found ')'", 1),
    ("x y", "an operator is missing before 'y'; write '*' to multiply", 2),
    ("x + y = 3\nx - y = 1", "missing before 'x'; or equations on lines of their own: give each as a text", 10),
    ("x 2", "an operator is missing before '2'; write '*' to multiply", 2),
    ("x = y = 2", "an equation has one '='; write '==' to compare", 6),
    ("sin(x = 2)", "expected ')', found '='; write '==' to compare", 6),
    ("for", "expected a value, found the word 'for'", 0),
    ("x + if", "expected a value, found the word 'if'", 4),
    # Conditions and numbers in each other's place.
    ("x > y", "expected a number, found a condition; write 'a if condition else b'", 2),
    ("x == y", "expected a number, found a condition", 2),
    ("1 + (x > y)", "expected a number, found a condition", 7),
    ("not x", "expected a number, found a condition", 0),
    ("sin(x and y)", "expected a number, found a condition", 6),
    ("1 if x else 2", "expected a condition, such as x > 0, found a number", 5),
    ("1 if x > 0 and y else 2", "expected a condition, such as x > 0, found a number", 15),
    ("1 if not x else 2", "expected a condition, such as x > 0, found a number", 9),
    ("where(x, 1, 2)", "expected a condition, such as x > 0, found a number", 6),
]


@pytest.mark.parametrize(("text", "message", "column"), REFUSED, ids=[ascii(text) for text, _, _ in REFUSED])
def test_a_text_is_refused(text: str, message: str, column: int) -> None:
    with pytest.raises(rs.DefinitionError) as caught:
        build(["x = 1", text], ["x", "y"], ["rate"])
    assert message in caught.value.message
    assert (caught.value.field, caught.value.column) == ("equations[1]", column)
    assert str(caught.value).startswith(f"equations[1]: {caught.value.message} (column {column + 1})\n")


def test_the_caret_stands_under_the_fault_in_a_long_text() -> None:
    text = "x + " * 500 + "bad(x)" + " + x" * 500
    with pytest.raises(rs.DefinitionError) as caught:
        build(text, ["x"])
    _, line, caret = str(caught.value).splitlines()
    assert line[caret.index("^") :].startswith("bad(x)")
    assert len(line) < 130


def test_line_breaks_do_not_move_the_caret() -> None:
    with pytest.raises(rs.DefinitionError) as caught:
        build("x +\n\ty +\nbad", ["x", "y"])
    _, line, caret = str(caught.value).splitlines()
    assert line[caret.index("^") :] == "bad"


@pytest.mark.parametrize("text", ["9" * 100_000, "a" * 100_000, "a" * 100_000 + "(x)", "1" + "a" * 100_000])
def test_a_message_stays_short_however_long_the_text(text: str) -> None:
    """It travels in a header of a reply."""
    with pytest.raises(rs.DefinitionError) as caught:
        build(text, ["x"])
    assert len(str(caught.value)) < 1000


DECLARATIONS = [
    ("2x", "'2x' is not a name: letters, digits and underscores, no digit first"),
    ("", "'' is not a name"),
    ("x y", "'x y' is not a name"),
    ("x\n", "'x\\n' is not a name"),
    ("é", "'é' is not a name"),
    ("sin", "the name 'sin' already stands for something in the language"),
    ("pi", "the name 'pi' already stands for something in the language"),
    ("for", "the name 'for' already stands for something in the language"),
    ("sum", "the name 'sum' already stands for something in the language"),
    ("where", "the name 'where' already stands for something in the language"),
    ("range", "the name 'range' already stands for something in the language"),
    ("lambda", "the name 'lambda' already stands for something in the language"),
]


@pytest.mark.parametrize(("name", "message"), DECLARATIONS)
@pytest.mark.parametrize("field", ["start", "parameters"])
def test_a_name_is_refused(name: str, message: str, field: str) -> None:
    with pytest.raises(rs.DefinitionError) as caught:
        build("x", {"x": 1.0} | ({name: 1.0} if field == "start" else {}), [name] if field == "parameters" else None)
    assert caught.value.field == f"{field}.{name}"
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("variables", "parameters", "field"),
    [
        ((("x", ()), ("x", ())), (), "start.x"),
        ((("x", ()),), (("x", ()),), "parameters.x"),
        ((("x", ()),), (("r", ()), ("r", (2,))), "parameters.r"),
    ],
)
def test_a_name_is_declared_once(variables: tuple, parameters: tuple, field: str) -> None:
    name = field.rpartition(".")[2]
    with pytest.raises(rs.DefinitionError) as caught:
        rs.compile_definition(rs.Definition(("x",), variables, parameters))
    assert (caught.value.field, caught.value.message) == (field, f"the name '{name}' is declared twice")


def test_a_shape_has_no_negative_extent() -> None:
    with pytest.raises(rs.DefinitionError) as caught:
        rs.compile_definition(rs.Definition(("x[0]",), (("x", (-1,)),)))
    assert (caught.value.field, caught.value.message) == ("start.x", "the shape (-1,) of 'x' has a negative extent")


def test_a_system_needs_an_equation_and_a_variable() -> None:
    with pytest.raises(rs.DefinitionError, match=r"^equations: there is no equation to solve or evaluate$"):
        build([], ["x"])
    with pytest.raises(rs.DefinitionError, match=r"^start: there is no variable to solve for$"):
        build(["1 + 1"], [])
    with pytest.raises(rs.DefinitionError, match=r"^start: there is no variable to solve for$"):
        rs.compile_definition(rs.Definition(("1",), (("x", (0,)),)))


@pytest.mark.parametrize(
    ("jacobian", "field", "message"),
    [
        ([["1", "1"]], "jacobian", "expected 2 rows, one an equation; found 1"),
        ([["1", "1"], ["1"]], "jacobian[1]", "expected 2 entries, one a variable; found 1"),
        ([["1", "1"], ["1", "z"]], "jacobian[1][1]", "unknown name 'z'"),
        ([["1", "1 +"], ["1", "1"]], "jacobian[0][1]", "the text ends where a value is expected"),
        ([["1", "1"], ["x = 1", "1"]], "jacobian[1][0]", "an equation has one '='"),
        ([["1", "1"], ["", "1"]], "jacobian[1][0]", "the text ends where a value is expected"),
        ([["1", "x > 0"], ["1", "1"]], "jacobian[0][1]", "expected a number, found a condition"),
    ],
)
def test_a_jacobian_that_makes_no_sense(jacobian: list[list[str]], field: str, message: str) -> None:
    with pytest.raises(rs.DefinitionError) as caught:
        build(["x + y", "x - y"], ["x", "y"], jacobian=jacobian)
    assert caught.value.field == field
    assert message in caught.value.message
