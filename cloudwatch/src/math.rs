//! Evaluates metric math ("Metric math syntax and functions").

use crate::expression::{Expression, Operator};

/// A time series, oldest data point first. Points may be missing.
pub type Series = Vec<Option<f64>>;

/// The value of an expression.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub enum Value {
    Scalar(f64),
    /// A time series.
    Series(Series),
    /// Several time series.
    Array(Vec<Series>),
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MathError {
    /// No metric or expression has this id, or it depends on itself.
    #[error("there is no metric or expression `{0}`, or it is made of itself")]
    UnknownId(String),
    /// A function that Picus does not use.
    #[error("the function {0} is not known, or not with these arguments")]
    UnknownFunction(String),
    /// The operator does not fit its operands.
    #[error(
        "an array of time series can only be a left operand, and not of another array: use SUM, say"
    )]
    Operands,
}

/// Which missing data points `FILL` replaces. The guide only says "missing values", and that late ones are among them
/// ("FILL", in the table of functions).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fill {
    /// All.
    #[default]
    Each,
    /// All, unless the series has no data point at all.
    NoneOfAnEmptySeries,
    /// Only those older than the newest data.
    NoneThatIsLate,
}

/// Everything that an expression may refer to.
#[derive(Debug, Default)]
pub struct Named<'a> {
    /// How `FILL` treats missing data.
    pub fill: Fill,
    /// Metrics by id.
    pub metrics: Vec<(&'a str, Series)>,
    /// Expressions by id.
    pub expressions: Vec<(&'a str, &'a Expression)>,
}

impl Named<'_> {
    /// The value of an expression.
    ///
    /// # Errors
    /// An unknown name, or an operation that is not defined.
    pub fn value(&self, expression: &Expression) -> Result<Value, MathError> {
        self.within(expression, &mut Vec::new())
    }

    /// `path` lists the ids on the way here, which must not repeat.
    fn within<'a>(
        &'a self,
        expression: &'a Expression,
        path: &mut Vec<&'a str>,
    ) -> Result<Value, MathError> {
        match expression {
            Expression::Number(number) => Ok(Value::Scalar(*number)),
            Expression::Text(text) => Err(MathError::UnknownId(format!("\"{text}\""))),
            Expression::Id(id) => self.named(id, path),
            Expression::Array(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    match self.within(part, path)? {
                        Value::Series(series) => all.push(series),
                        Value::Array(more) => all.extend(more),
                        Value::Scalar(_) => return Err(MathError::Operands),
                    }
                }
                Ok(Value::Array(all))
            }
            Expression::Binary(operator, left, right) => {
                binary(*operator, self.within(left, path)?, self.within(right, path)?)
            }
            Expression::Call(name, arguments) if name == "METRICS" => self.metrics(arguments),
            Expression::Call(name, arguments) => {
                let arguments: Result<Vec<_>, _> =
                    arguments.iter().map(|argument| self.within(argument, path)).collect();
                call(self.fill, name, &arguments?)
            }
        }
    }

    fn named<'a>(&'a self, id: &'a str, path: &mut Vec<&'a str>) -> Result<Value, MathError> {
        if let Some((_, series)) = self.metrics.iter().find(|(found, _)| *found == id) {
            return Ok(Value::Series(series.clone()));
        }
        let expression = self.expressions.iter().find(|(found, _)| *found == id);
        let Some((_, expression)) = expression.filter(|_| !path.contains(&id)) else {
            return Err(MathError::UnknownId(id.to_owned()));
        };
        path.push(id);
        let value = self.within(expression, path);
        path.pop();
        value
    }

    /// All metrics, or those whose id contains a text.
    fn metrics(&self, arguments: &[Expression]) -> Result<Value, MathError> {
        let part = match arguments {
            [] => "",
            [Expression::Text(part)] => part,
            _ => return Err(MathError::UnknownFunction("METRICS".to_owned())),
        };
        let named = self.metrics.iter().filter(|(id, _)| id.contains(part));
        Ok(Value::Array(named.map(|(_, series)| series.clone()).collect()))
    }
}

fn call(reading: Fill, name: &str, arguments: &[Value]) -> Result<Value, MathError> {
    let value = match (name, arguments) {
        ("FILL", [Value::Series(series), Value::Scalar(with)]) => {
            Some(Value::Series(fill(reading, series, *with)))
        }
        ("FILL", [Value::Array(all), Value::Scalar(with)]) => {
            Some(Value::Array(all.iter().map(|series| fill(reading, series, *with)).collect()))
        }
        ("AVG", [Value::Array(all)]) => Some(Value::Series(mean(all))),
        ("SUM", [Value::Array(all)]) => Some(Value::Series(joined(all, |one, other| one + other))),
        ("MAX", [Value::Array(all)]) => Some(Value::Series(joined(all, f64::max))),
        ("MIN", [Value::Array(all)]) => Some(Value::Series(joined(all, f64::min))),
        ("IF", [condition, then]) => choose(condition, then, None),
        ("IF", [condition, then, otherwise]) => choose(condition, then, Some(otherwise)),
        _ => None,
    };
    value.ok_or_else(|| MathError::UnknownFunction(name.to_owned()))
}

fn fill(reading: Fill, series: &Series, with: f64) -> Series {
    let newest = series.iter().rposition(Option::is_some);
    let replaced = |index: usize| match reading {
        Fill::Each => true,
        Fill::NoneOfAnEmptySeries => newest.is_some(),
        Fill::NoneThatIsLate => newest.is_some_and(|newest| index < newest),
    };
    let fill = |(index, point): (usize, &Option<f64>)| point.or(replaced(index).then_some(with));
    series.iter().enumerate().map(fill).collect()
}

/// Combines the series, point by point. Missing values are left out, unless all are missing.
fn joined(all: &[Series], join: fn(f64, f64) -> f64) -> Series {
    let points = all.iter().map(Vec::len).max().unwrap_or(0);
    let at =
        |index: usize| all.iter().filter_map(move |series| series.get(index).copied().flatten());
    (0..points).map(|index| at(index).reduce(join)).collect()
}

/// The mean at each point, of the values that are there.
fn mean(all: &[Series]) -> Series {
    let ones: Vec<Series> =
        all.iter().map(|series| series.iter().map(|point| point.map(|_| 1.0)).collect()).collect();
    let [sums, counts] = [all, &ones].map(|all| joined(all, |one, other| one + other));
    sums.iter().zip(counts).map(|(sum, count)| Some((*sum)? / count?)).collect()
}

/// `IF`: if the condition is a series, each of its points decides.
fn choose(condition: &Value, then: &Value, otherwise: Option<&Value>) -> Option<Value> {
    let point = |value: &Value, index: usize| match value {
        Value::Scalar(number) => Some(Some(*number)),
        Value::Series(series) => series.get(index).copied(),
        Value::Array(_) => None,
    };
    match condition {
        Value::Scalar(condition) if *condition != 0.0 => Some(then.clone()),
        Value::Scalar(_) => otherwise.cloned(),
        Value::Array(_) => None,
        Value::Series(conditions) => {
            let chosen = conditions.iter().enumerate().map(|(index, condition)| match condition {
                None => Some(None),
                // A value missing in `then` counts as 0. One missing in `otherwise` is dropped.
                Some(condition) if *condition != 0.0 => {
                    point(then, index).map(|value| Some(value.unwrap_or(0.0)))
                }
                Some(_) => otherwise.map_or(Some(None), |otherwise| point(otherwise, index)),
            });
            chosen.collect::<Option<Series>>().map(Value::Series)
        }
    }
}

fn binary(operator: Operator, left: Value, right: Value) -> Result<Value, MathError> {
    Ok(match (left, right) {
        (Value::Scalar(left), Value::Scalar(right)) => {
            // A division of numbers by 0 has no result, and there is no data point to drop.
            Value::Scalar(apply(operator, left, right).ok_or(MathError::Operands)?)
        }
        (Value::Series(left), Value::Scalar(right)) => Value::Series(
            left.iter().map(|left| left.and_then(|left| apply(operator, left, right))).collect(),
        ),
        (Value::Scalar(left), Value::Series(right)) => Value::Series(
            right
                .iter()
                .map(|right| right.and_then(|right| apply(operator, left, right)))
                .collect(),
        ),
        (Value::Series(left), Value::Series(right)) => {
            // A value that is missing on one side counts as 0.
            let both = left.iter().zip(&right).map(|pair| match pair {
                (None, None) => None,
                (left, right) => apply(operator, left.unwrap_or(0.0), right.unwrap_or(0.0)),
            });
            Value::Series(both.collect())
        }
        // "TS[], S" and "TS[], TS" ("Basic arithmetic functions").
        (Value::Array(all), right @ (Value::Scalar(_) | Value::Series(_))) => {
            let mut results = Vec::new();
            for series in all {
                match binary(operator, Value::Series(series), right.clone())? {
                    Value::Series(series) => results.push(series),
                    Value::Scalar(_) | Value::Array(_) => return Err(MathError::Operands),
                }
            }
            Value::Array(results)
        }
        _ => return Err(MathError::Operands),
    })
}

#[expect(clippy::float_cmp, reason = "metric math compares like this")]
fn apply(operator: Operator, left: f64, right: f64) -> Option<f64> {
    let truth = |holds| Some(f64::from(u8::from(holds)));
    match operator {
        Operator::Add => Some(left + right),
        Operator::Subtract => Some(left - right),
        Operator::Multiply => Some(left * right),
        Operator::Divide => (right != 0.0).then(|| left / right),
        Operator::Equal => truth(left == right),
        Operator::NotEqual => truth(left != right),
        Operator::Less => truth(left < right),
        Operator::LessOrEqual => truth(left <= right),
        Operator::Greater => truth(left > right),
        Operator::GreaterOrEqual => truth(left >= right),
        Operator::And => truth(left != 0.0 && right != 0.0),
        Operator::Or => truth(left != 0.0 || right != 0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `-` is a missing data point.
    fn series(text: &str) -> Series {
        text.split(' ').map(|point| point.parse().ok()).collect()
    }

    fn gives(expression: &str, metrics: &[(&str, &str)], expected: &str) {
        let metrics = metrics.iter().map(|(id, text)| (*id, series(text))).collect();
        let named = Named { metrics, ..Named::default() };
        let value = named.value(&Expression::parse(expression).unwrap()).unwrap();
        assert_eq!(value, Value::Series(series(expected)), "{expression}");
    }

    /// The guide's table under "Comparison and logical operators".
    #[test]
    fn comparisons_as_in_the_guide() {
        let metrics = [("metric1", "30 20 0 0"), ("metric2", "20 - 20 -")];
        for (expression, expected) in [
            ("(metric1 < metric2)", "0 0 1 0"),
            ("(metric1 >= 30)", "1 0 0 0"),
            ("(metric1 > 15 AND metric2 > 15)", "1 0 0 0"),
        ] {
            gives(expression, &metrics, expected);
        }
    }

    /// The guide's tables under "Using IF expressions".
    #[test]
    fn choices_as_in_the_guide() {
        let metrics =
            [("metric1", "1 1 0 0 -"), ("metric2", "30 - 0 0 30"), ("metric3", "0 0 20 - 20")];
        for (expression, expected) in [
            ("IF(metric1, metric2, metric3)", "30 0 20 - -"),
            ("IF(metric1, 5, metric3)", "5 5 20 - -"),
            ("IF(metric1, metric2, 5)", "30 0 5 5 -"),
            ("IF(metric1, metric2)", "30 0 - - -"),
        ] {
            gives(expression, &metrics, expected);
        }
        gives("IF(0, metric1, metric3)", &metrics, "0 0 20 - 20");
    }

    /// "Basic arithmetic functions": missing values count as 0, and a division by 0 drops the point.
    #[test]
    fn arithmetic_as_in_the_guide() {
        let metrics = [("a", "6 - 6 -"), ("b", "2 2 0 -")];
        for (expression, expected) in [
            ("a + b", "8 2 6 -"),
            ("a / b", "3 0 - -"),
            ("100 * a / 4", "150 - 150 -"),
            ("-a", "-6 - -6 -"),
            ("FILL(a, 1)", "6 1 6 1"),
            ("SUM([a, b])", "8 2 6 -"),
            ("SUM([a, b] * 2 + b)", "20 8 12 -"),
            ("AVG([a, b])", "4 2 3 -"),
            ("MAX([a, b])", "6 2 6 -"),
            ("MIN([a, b])", "2 2 0 -"),
            ("SUM(FILL(METRICS(), 0))", "8 2 6 0"),
            ("SUM(METRICS(\"b\"))", "2 2 0 -"),
        ] {
            gives(expression, &metrics, expected);
        }
    }

    #[test]
    fn fill_replaces_what_its_reading_says() {
        let filled = |reading, text| fill(reading, &series(text), 0.0);
        assert_eq!(filled(Fill::Each, "- 1 - 2 -"), series("0 1 0 2 0"));
        assert_eq!(filled(Fill::NoneOfAnEmptySeries, "- 1 - 2 -"), series("0 1 0 2 0"));
        assert_eq!(filled(Fill::NoneOfAnEmptySeries, "- -"), series("- -"));
        assert_eq!(filled(Fill::NoneThatIsLate, "- 1 - 2 -"), series("0 1 0 2 -"));
    }

    #[test]
    fn an_expression_may_name_others_but_not_itself() {
        let [good, bad] = ["a + 1", "bad + 1"].map(|text| Expression::parse(text).unwrap());
        let named = Named {
            metrics: vec![("a", series("1 -"))],
            expressions: vec![("good", &good), ("bad", &bad)],
            ..Named::default()
        };
        let of = |id: &str| named.value(&Expression::Id(id.to_owned()));
        assert_eq!(of("good"), Ok(Value::Series(series("2 -"))));
        for id in ["bad", "none"] {
            assert!(matches!(of(id), Err(MathError::UnknownId(_))), "{id}");
        }
        let unknown = Expression::parse("AVG(a)").unwrap();
        assert!(matches!(named.value(&unknown), Err(MathError::UnknownFunction(_))));
    }
}
