//! Parses queries.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::{Value, json};

use super::query::{Aggregate, Command, Condition, Expression, InsightsError, Query, Row, plain};

/// An aggregate of sorted numbers.
type OfValues = Box<dyn Fn(&[f64]) -> Option<f64>>;
type Read<T> = Result<T, InsightsError>;

/// Refuses a query that is not supported.
fn refuse<T>(what: impl Into<String>) -> Read<T> {
    Err(InsightsError::NotUnderstood(what.into()))
}

pub(crate) fn read(text: &str) -> Read<Query> {
    let mut reader =
        Reader { tokens: tokens(text)?, at: 0, fields: BTreeSet::new(), columns: None };
    let mut commands = vec![reader.command()?];
    while reader.take("|") {
        commands.push(reader.command()?);
    }
    if let Some(rest) = reader.next() {
        return refuse(format!("{rest:?} in {text}"));
    }
    Ok(Query { commands, fields: reader.fields })
}

#[derive(Debug, Clone)]
enum Token {
    Word(String),
    Quoted(String),
    Text(String),
    Number(f64),
    /// The length in milliseconds.
    Period(String, f64),
    Pattern(Regex),
    Sign(String),
}

fn tokens(mut text: &str) -> Read<Vec<Token>> {
    let token = Regex::new(concat!(
        r"^\s*(?:`(?<quoted>[^`]+)`|'(?<text>[^']*)'|/(?<pattern>(?:\\.|[^/\\])+)/",
        r"|(?<number>\d+(?:\.\d+)?)(?<unit>[smhd])?\b|(?<word>[@\w.]+)|(?<sign>!=|>=|<=|[=<>(),|\[\]*]))"
    ))
    .expect("the pattern is valid");
    let mut tokens = Vec::new();
    while !text.trim().is_empty() {
        let Some(found) = token.captures(text) else { return refuse(text) };
        let part = |name: &str| found.name(name).map(|part| part.as_str().to_owned());
        let unit = part("unit").map(|unit| match unit.as_str() {
            "s" => 1e3,
            "m" => 6e4,
            "h" => 3.6e6,
            _ => 8.64e7,
        });
        let number = part("number");
        tokens.push(match (part("quoted"), part("text"), part("pattern"), part("word")) {
            (Some(name), ..) => Token::Quoted(name),
            (_, Some(text), ..) => Token::Text(text),
            (_, _, Some(pattern), _) => match Regex::new(&pattern.replace(r"\/", "/")) {
                Ok(pattern) => Token::Pattern(pattern),
                Err(error) => return refuse(error.to_string()),
            },
            (_, _, _, Some(word)) => Token::Word(word),
            _ => match (number, unit) {
                (Some(number), Some(unit)) => {
                    Token::Period(found[0].trim().to_owned(), parse(&number)? * unit)
                }
                (Some(number), None) => Token::Number(parse(&number)?),
                (None, _) => Token::Sign(found["sign"].to_owned()),
            },
        });
        text = &text[found[0].len()..];
    }
    Ok(tokens)
}

fn parse(number: &str) -> Read<f64> {
    number.parse().or_else(|_| refuse(format!("`{number}` is no number")))
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    fields: BTreeSet<String>,
    /// The columns that exist after a `stats`.
    columns: Option<Vec<String>>,
}

impl Reader {
    fn next(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    /// Consumes a sign or a word if it comes next.
    fn take(&mut self, wanted: &str) -> bool {
        let is =
            matches!(self.next(), Some(Token::Sign(found) | Token::Word(found)) if found == wanted);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, wanted: &str) -> Read<()> {
        if self.take(wanted) {
            return Ok(());
        }
        refuse(format!("`{wanted}` is wanted, not {:?}", self.next()))
    }

    fn token(&mut self) -> Read<Token> {
        let Some(token) = self.next().cloned() else { return refuse("the query ends too early") };
        self.at += 1;
        Ok(token)
    }

    fn word(&mut self) -> Read<String> {
        match self.token()? {
            Token::Word(word) => Ok(word),
            other => refuse(format!("a word is wanted, not {other:?}")),
        }
    }

    /// A field's name. Insights demands backticks around names with other characters.
    fn name(&mut self) -> Read<String> {
        let name = match self.token()? {
            Token::Word(name) | Token::Quoted(name) => name,
            other => return refuse(format!("a field is wanted, not {other:?}")),
        };
        match &self.columns {
            Some(columns) if !columns.contains(&name) => {
                return refuse(format!("`stats` has no {name}"));
            }
            Some(_) => {}
            None => drop(self.fields.insert(name.clone())),
        }
        Ok(name)
    }

    fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let mut all = vec![one(self)?];
        while self.take(",") {
            all.push(one(self)?);
        }
        Ok(all)
    }

    fn command(&mut self) -> Read<Command> {
        Ok(match self.word()?.as_str() {
            "filter" => Command::Filter(self.any()?),
            "fields" => Command::Fields(self.list(Self::name)?),
            "stats" => {
                let columns = self.list(Self::aggregate)?;
                let by = if self.take("by") { self.list(Self::group)? } else { Vec::new() };
                let names =
                    columns.iter().map(|(name, _)| name).chain(by.iter().map(|(name, _)| name));
                self.columns = Some(names.cloned().collect());
                Command::Stats { columns, by }
            }
            "sort" => Command::Sort(self.list(|reader| {
                let name = reader.name()?;
                let descending = reader.take("desc");
                if !descending {
                    reader.take("asc");
                }
                Ok((name, descending))
            })?),
            "limit" => match self.token()? {
                Token::Number(count) => match format!("{count}").parse() {
                    Ok(count) => Command::Limit(count),
                    Err(_) => return refuse(format!("`limit {count}`")),
                },
                other => return refuse(format!("a number is wanted, not {other:?}")),
            },
            other => return refuse(format!("no command that is known: {other}")),
        })
    }

    fn any(&mut self) -> Read<Condition> {
        let mut all = self.all()?;
        while self.take("or") {
            let (left, right) = (all, self.all()?);
            all = Box::new(move |row| match (left(row), right(row)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            });
        }
        Ok(all)
    }

    fn all(&mut self) -> Read<Condition> {
        let mut one = self.condition()?;
        while self.take("and") {
            let (left, right) = (one, self.condition()?);
            one = Box::new(move |row| match (left(row), right(row)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            });
        }
        Ok(one)
    }

    fn condition(&mut self) -> Read<Condition> {
        if self.take("(") {
            let condition = self.any()?;
            self.expect(")")?;
            return Ok(condition);
        }
        let negated = self.take("not");
        if self.take("ispresent") {
            self.expect("(")?;
            let name = self.name()?;
            self.expect(")")?;
            return Ok(Box::new(move |row| Some(row.contains_key(&name) != negated)));
        }
        if negated {
            return refuse("`not` is known before `ispresent` and `like` alone");
        }
        let name = self.name()?;
        let negated = self.take("not") || self.take("!=");
        let holds: Box<dyn Fn(&Value) -> bool> = if self.take("like") {
            match self.token()? {
                Token::Pattern(pattern) => Box::new(move |value| pattern.is_match(&plain(value))),
                Token::Text(text) => Box::new(move |value| plain(value).contains(&text)),
                other => return refuse(format!("`like` {other:?}")),
            }
        } else if negated || self.take("=") {
            let wanted = self.value()?;
            Box::new(move |value| plain(value) == wanted)
        } else {
            let compare: fn(&f64, &f64) -> bool = match self.token()? {
                Token::Sign(sign) if sign == ">=" => f64::ge,
                Token::Sign(sign) if sign == "<=" => f64::le,
                Token::Sign(sign) if sign == ">" => f64::gt,
                Token::Sign(sign) if sign == "<" => f64::lt,
                other => return refuse(format!("no comparison: {other:?}")),
            };
            let bound = parse(&self.value()?)?;
            Box::new(move |value| value.as_f64().is_some_and(|value| compare(&value, &bound)))
        };
        Ok(Box::new(move |row| match row.get(&name) {
            Some(value) => Some(holds(value) != negated),
            None if negated => None,
            None => Some(false),
        }))
    }

    fn value(&mut self) -> Read<String> {
        match self.token()? {
            Token::Text(text) => Ok(text),
            Token::Number(number) => Ok(number.to_string()),
            other => refuse(format!("a value is wanted, not {other:?}")),
        }
    }

    fn aggregate(&mut self) -> Read<(String, Aggregate)> {
        let function = self.word()?;
        self.expect("(")?;
        let of: Expression = match function.as_str() {
            "count" if self.take("*") => Box::new(|_| Some(json!(1))),
            "count" => {
                let name = self.name()?;
                Box::new(move |row| row.get(&name).map(|_| json!(1)))
            }
            _ if self.take("strcontains") => {
                self.expect("(")?;
                let name = self.name()?;
                self.expect(",")?;
                let wanted = self.value()?;
                self.expect(")")?;
                Box::new(move |row| Some(json!(u8::from(plain(row.get(&name)?).contains(&wanted)))))
            }
            _ => {
                let name = self.name()?;
                Box::new(move |row| row.get(&name).cloned())
            }
        };
        let share = if function == "pct" && self.take(",") { parse(&self.value()?)? } else { 0.0 };
        self.expect(")")?;
        self.expect("as")?;
        let name = self.word()?;
        let of_values: OfValues = match function.as_str() {
            "count" => Box::new(|values| Some(count(values))),
            "sum" => Box::new(|values| Some(values.iter().sum())),
            "min" => Box::new(|values| values.first().copied()),
            "max" => Box::new(|values| values.last().copied()),
            "pct" => Box::new(move |values| {
                let rank = (count(values) * share / 100.0).ceil().max(1.0);
                values
                    .iter()
                    .zip(1_u32..)
                    .find(|(_, at)| f64::from(*at) >= rank)
                    .map(|found| *found.0)
            }),
            other => return refuse(format!("no function that is known: {other}")),
        };
        let aggregate: Aggregate = Box::new(move |rows| {
            let mut values: Vec<f64> = rows.iter().filter_map(|row| of(row)?.as_f64()).collect();
            values.sort_by(f64::total_cmp);
            of_values(&values).map(|value| json!(value))
        });
        Ok((name, aggregate))
    }

    fn group(&mut self) -> Read<(String, Expression)> {
        if !self.take("bin") {
            let name = self.name()?;
            return Ok((name.clone(), Box::new(move |row| row.get(&name).cloned())));
        }
        self.expect("(")?;
        let Token::Period(text, period) = self.token()? else {
            return refuse("`bin` wants a period");
        };
        self.expect(")")?;
        let bin = move |row: &Row| {
            Some(json!((row.get("@timestamp")?.as_f64()? / period).floor() * period))
        };
        Ok((format!("bin({text})"), Box::new(bin)))
    }
}

fn count(values: &[f64]) -> f64 {
    // No test, and no response of CloudWatch's, has more lines than this.
    f64::from(u32::try_from(values.len()).unwrap_or(u32::MAX))
}
