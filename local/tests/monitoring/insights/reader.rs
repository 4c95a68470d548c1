//! How a query is read.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::{Value, json};

use super::{Aggregate, Command, Condition, Expression, Query, Row, plain};

pub(super) fn read(text: &str) -> Query {
    let mut reader = Reader { tokens: tokens(text), at: 0, fields: BTreeSet::new(), columns: None };
    let mut commands = vec![reader.command()];
    while reader.take("|") {
        commands.push(reader.command());
    }
    assert!(reader.at == reader.tokens.len(), "not understood: {:?} in {text}", reader.next());
    Query { commands, fields: reader.fields }
}

#[derive(Debug, Clone)]
enum Token {
    Word(String),
    Quoted(String),
    Text(String),
    Number(f64),
    /// In milliseconds.
    Period(String, f64),
    Pattern(Regex),
    Sign(String),
}

fn tokens(mut text: &str) -> Vec<Token> {
    let token = Regex::new(concat!(
        r"^\s*(?:`(?<quoted>[^`]+)`|'(?<text>[^']*)'|/(?<pattern>(?:\\.|[^/\\])+)/",
        r"|(?<number>\d+(?:\.\d+)?)(?<unit>[smhd])?\b|(?<word>[@\w.]+)|(?<sign>!=|>=|<=|[=<>(),|\[\]*]))"
    ))
    .unwrap();
    let mut tokens = Vec::new();
    while !text.trim().is_empty() {
        let found = token.captures(text).unwrap_or_else(|| panic!("not understood: {text}"));
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
            (_, _, Some(pattern), _) => {
                Token::Pattern(Regex::new(&pattern.replace(r"\/", "/")).unwrap())
            }
            (_, _, _, Some(word)) => Token::Word(word),
            _ => match (number, unit) {
                (Some(number), Some(unit)) => {
                    Token::Period(found[0].trim().to_owned(), number.parse::<f64>().unwrap() * unit)
                }
                (Some(number), None) => Token::Number(number.parse().unwrap()),
                (None, _) => Token::Sign(found["sign"].to_owned()),
            },
        });
        text = &text[found[0].len()..];
    }
    tokens
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    fields: BTreeSet<String>,
    /// What there is to name after a `stats`.
    columns: Option<Vec<String>>,
}

impl Reader {
    fn next(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    /// Takes a sign or a word, if it comes next.
    fn take(&mut self, wanted: &str) -> bool {
        let is =
            matches!(self.next(), Some(Token::Sign(found) | Token::Word(found)) if found == wanted);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, wanted: &str) {
        assert!(self.take(wanted), "`{wanted}` is wanted, not {:?}", self.next());
    }

    fn token(&mut self) -> Token {
        let token = self.next().expect("more").clone();
        self.at += 1;
        token
    }

    fn word(&mut self) -> String {
        match self.token() {
            Token::Word(word) => word,
            other => panic!("a word is wanted, not {other:?}"),
        }
    }

    /// A name of a field. Insights wants those in backticks that have other signs than these.
    fn name(&mut self) -> String {
        let name = match self.token() {
            Token::Word(name) | Token::Quoted(name) => name,
            other => panic!("a field is wanted, not {other:?}"),
        };
        match &self.columns {
            Some(columns) => assert!(columns.contains(&name), "`stats` has no {name}"),
            None => drop(self.fields.insert(name.clone())),
        }
        name
    }

    fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let mut all = vec![one(self)];
        while self.take(",") {
            all.push(one(self));
        }
        all
    }

    fn command(&mut self) -> Command {
        match self.word().as_str() {
            "filter" => Command::Filter(self.any()),
            "fields" => Command::Fields(self.list(Self::name)),
            "stats" => {
                let columns = self.list(Self::aggregate);
                let by = if self.take("by") { self.list(Self::group) } else { Vec::new() };
                let names =
                    columns.iter().map(|(name, _)| name).chain(by.iter().map(|(name, _)| name));
                self.columns = Some(names.cloned().collect());
                Command::Stats { columns, by }
            }
            "sort" => Command::Sort(self.list(|reader| {
                let name = reader.name();
                let descending = reader.take("desc");
                (
                    name,
                    descending || {
                        reader.take("asc");
                        false
                    },
                )
            })),
            "limit" => match self.token() {
                Token::Number(count) => Command::Limit(format!("{count}").parse().unwrap()),
                other => panic!("a number is wanted, not {other:?}"),
            },
            other => panic!("no command that is known: {other}"),
        }
    }

    fn any(&mut self) -> Condition {
        let mut all = self.all();
        while self.take("or") {
            let (left, right) = (all, self.all());
            all = Box::new(move |row| match (left(row), right(row)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            });
        }
        all
    }

    fn all(&mut self) -> Condition {
        let mut one = self.condition();
        while self.take("and") {
            let (left, right) = (one, self.condition());
            one = Box::new(move |row| match (left(row), right(row)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            });
        }
        one
    }

    fn condition(&mut self) -> Condition {
        if self.take("(") {
            let condition = self.any();
            self.expect(")");
            return condition;
        }
        let negated = self.take("not");
        if self.take("ispresent") {
            self.expect("(");
            let name = self.name();
            self.expect(")");
            return Box::new(move |row| Some(row.contains_key(&name) != negated));
        }
        assert!(!negated, "`not` is known before `ispresent` and `like` alone");
        let name = self.name();
        let negated = self.take("not") || self.take("!=");
        let holds: Box<dyn Fn(&Value) -> bool> = if self.take("like") {
            match self.token() {
                Token::Pattern(pattern) => Box::new(move |value| pattern.is_match(&plain(value))),
                Token::Text(text) => Box::new(move |value| plain(value).contains(&text)),
                other => panic!("`like` {other:?}"),
            }
        } else if negated || self.take("=") {
            let wanted = self.value();
            Box::new(move |value| plain(value) == wanted)
        } else {
            let Token::Sign(sign) = self.token() else {
                panic!("no comparison: {:?}", self.next())
            };
            let bound: f64 = self.value().parse().unwrap();
            Box::new(move |value| match (value.as_f64(), sign.as_str()) {
                (None, _) => false,
                (Some(value), ">=") => value >= bound,
                (Some(value), "<=") => value <= bound,
                (Some(value), ">") => value > bound,
                (Some(value), "<") => value < bound,
                _ => panic!("no comparison: {sign}"),
            })
        };
        Box::new(move |row| match row.get(&name) {
            Some(value) => Some(holds(value) != negated),
            None if negated => None,
            None => Some(false),
        })
    }

    fn value(&mut self) -> String {
        match self.token() {
            Token::Text(text) => text,
            Token::Number(number) => number.to_string(),
            other => panic!("a value is wanted, not {other:?}"),
        }
    }

    fn aggregate(&mut self) -> (String, Aggregate) {
        let function = self.word();
        self.expect("(");
        let of: Expression = match function.as_str() {
            "count" if self.take("*") => Box::new(|_| Some(json!(1))),
            "count" => {
                let name = self.name();
                Box::new(move |row| row.get(&name).map(|_| json!(1)))
            }
            _ if self.take("strcontains") => {
                self.expect("(");
                let name = self.name();
                self.expect(",");
                let wanted = self.value();
                self.expect(")");
                Box::new(move |row| Some(json!(u8::from(plain(row.get(&name)?).contains(&wanted)))))
            }
            _ => {
                let name = self.name();
                Box::new(move |row| row.get(&name).cloned())
            }
        };
        let share = if function == "pct" && self.take(",") { self.value() } else { "0".to_owned() };
        let share: f64 = share.parse().unwrap();
        self.expect(")");
        self.expect("as");
        let name = self.word();
        let aggregate: Aggregate = Box::new(move |rows| {
            let values = rows.iter().filter_map(|row| of(row)?.as_f64());
            let mut values: Vec<f64> = values.collect();
            values.sort_by(f64::total_cmp);
            let sum: f64 = values.iter().sum();
            let count = f64::from(u32::try_from(values.len()).unwrap());
            Some(json!(match function.as_str() {
                "count" => count,
                "sum" => sum,
                "min" => *values.first()?,
                "max" => *values.last()?,
                "pct" => {
                    let below = values
                        .iter()
                        .zip(1_u32..)
                        .find(|(_, rank)| f64::from(*rank) >= count * share / 100.0);
                    *below?.0
                }
                other => panic!("no function that is known: {other}"),
            }))
        });
        (name, aggregate)
    }

    fn group(&mut self) -> (String, Expression) {
        if !self.take("bin") {
            let name = self.name();
            return (name.clone(), Box::new(move |row| row.get(&name).cloned()));
        }
        self.expect("(");
        let Token::Period(text, period) = self.token() else { panic!("`bin` wants a period") };
        self.expect(")");
        let bin =
            move |row: &Row| Some(json!((row["@timestamp"].as_f64()? / period).floor() * period));
        (format!("bin({text})"), Box::new(bin))
    }
}
