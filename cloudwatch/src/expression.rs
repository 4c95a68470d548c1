//! The syntax of metric math ("Metric math syntax and functions").

/// An expression.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub enum Expression {
    Number(f64),
    /// A text, for `METRICS` and `SEARCH`.
    Text(String),
    /// The metric or expression of this id.
    Id(String),
    /// A list in brackets.
    Array(Vec<Expression>),
    /// A function and its arguments.
    Call(String, Vec<Expression>),
    /// An operator and its two operands.
    Binary(Operator, Box<Expression>, Box<Expression>),
}

/// An operator between two expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
}

/// What can't be parsed, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{expression}` is no metric math: {expected} is expected at `{rest}`")]
pub struct SyntaxError {
    expression: String,
    expected: &'static str,
    rest: String,
}

/// Operators by precedence, the lowest first. A longer operator goes before its own beginning.
const LEVELS: [&[(&str, Operator)]; 5] = [
    &[("||", Operator::Or), ("OR ", Operator::Or)],
    &[("&&", Operator::And), ("AND ", Operator::And)],
    &[
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide)],
];

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    /// Text that does not parse.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut parser = Parser { rest: text };
        parser.level(0).and_then(|expression| parser.end().map(|()| expression)).map_err(
            |expected| SyntaxError {
                expression: text.to_owned(),
                expected,
                rest: parser.rest.to_owned(),
            },
        )
    }

    /// The ids in the expression.
    #[must_use]
    pub fn ids(&self) -> Vec<&str> {
        match self {
            Self::Number(_) | Self::Text(_) => Vec::new(),
            Self::Id(id) => vec![id],
            Self::Array(parts) | Self::Call(_, parts) => parts.iter().flat_map(Self::ids).collect(),
            Self::Binary(_, left, right) => [left.ids(), right.ids()].concat(),
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn take(&mut self, sign: &str) -> bool {
        self.rest = self.rest.trim_start();
        let found = self.rest.strip_prefix(sign);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    fn take_while(&mut self, of: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|sign| !of(sign)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn end(&mut self) -> Result<(), &'static str> {
        if self.rest.trim_start().is_empty() { Ok(()) } else { Err("an operator or the end") }
    }

    fn level(&mut self, level: usize) -> Result<Expression, &'static str> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.level(level + 1)?;
        while let Some((_, operator)) = operators.iter().find(|(sign, _)| self.take(sign)) {
            let right = self.level(level + 1)?;
            left = Expression::Binary(*operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expression, &'static str> {
        if self.take("-") {
            let negative = [Expression::Number(0.0), self.unary()?].map(Box::new);
            let [zero, value] = negative;
            return Ok(Expression::Binary(Operator::Subtract, zero, value));
        }
        if self.take("(") {
            let inner = self.level(0)?;
            return if self.take(")") { Ok(inner) } else { Err("`)`") };
        }
        if self.take("[") {
            return Ok(Expression::Array(self.list("]")?));
        }
        if self.take("\"") {
            let text = self.take_while(|sign| sign != '"').to_owned();
            return if self.take("\"") { Ok(Expression::Text(text)) } else { Err("`\"`") };
        }
        if self.take("'") {
            let text = self.take_while(|sign| sign != '\'').to_owned();
            return if self.take("'") { Ok(Expression::Text(text)) } else { Err("`'`") };
        }
        let word =
            self.take_while(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '.'));
        if let Ok(number) = word.parse() {
            return Ok(Expression::Number(number));
        }
        match word.chars().next() {
            Some('A'..='Z') if self.take("(") => {
                Ok(Expression::Call(word.to_owned(), self.list(")")?))
            }
            Some('A'..='Z' | 'a'..='z') => Ok(Expression::Id(word.to_owned())),
            _ => Err("a number, an id or a function"),
        }
    }

    fn list(&mut self, end: &'static str) -> Result<Vec<Expression>, &'static str> {
        let mut parts = Vec::new();
        if self.take(end) {
            return Ok(parts);
        }
        loop {
            parts.push(self.level(0)?);
            if self.take(end) {
                return Ok(parts);
            }
            if !self.take(",") {
                return Err("`,` or the list's end");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_bind_as_in_arithmetic() {
        let read = |text| Expression::parse(text).unwrap();
        assert_eq!(read("a + b * c > 3 AND d"), read("((a + (b * c)) > 3) && d"));
        assert_eq!(read("a - b - c"), read("(a - b) - c"));
        assert_ne!(read("a - b - c"), read("a - (b - c)"));
        assert_eq!(read("IF(FILL(a, 0) >= 3, 1, [b, c])").ids(), ["a", "b", "c"]);
    }

    #[test]
    fn an_invalid_expression_is_refused() {
        for text in ["", "a +", "FILL(a", "(a", "a b", "[a,", "METRICS(\"x)", "SEARCH('x)", "%"] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
    }
}
