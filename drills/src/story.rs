//! A drill and its result in words, in lines of 80 columns.

use crate::plan::{Drill, Fault};
use crate::tape::Verdict;
use crate::traffic::Traffic;
use picus_local::dynamodb::DynamoDbFault;
use picus_local::lambda::FunctionFault;

/// The columns of a terminal.
const WIDTH: usize = 80;
const HOUR: usize = 60;

impl Drill {
    /// The fault, how long it lasts, and the clients' requests.
    #[must_use]
    pub fn story(&self) -> String {
        let Traffic { gets, puts, lists, whole_lists, deletes, .. } = self.traffic;
        let wrong = format!("  {}", self.fault.words());
        let lasts = match self.lasts {
            minutes if minutes % HOUR == 0 => format!("{} hours", minutes / HOUR),
            minutes => format!("{minutes} minutes"),
        };
        let requests = gets + puts + lists + whole_lists + deletes;
        fitted(&wrong, &format!("for {lasts}, with {requests} requests a minute"))
    }
}

impl Fault {
    /// The fault in words.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::None => "nothing is wrong".to_owned(),
            Self::DynamoDb(fault) => dynamodb(fault),
            Self::Handler(FunctionFault::Crash) => {
                "the delete handler dies over each delete".to_owned()
            }
            Self::Handler(FunctionFault::Hang) => {
                "the delete handler hangs over each delete".to_owned()
            }
            Self::HandlerUnheard => "the delete handler's lines do not arrive".to_owned(),
            Self::TasksGone => "all tasks are gone".to_owned(),
            Self::TaskGone => "one of two tasks is gone, and none takes its place".to_owned(),
            Self::BadDeployment(settings) => {
                let settings = settings.iter().map(|(name, value)| format!("{name}={value}"));
                let settings = settings.collect::<Vec<_>>().join("\n    and ");
                format!("a release with\n    {settings},")
            }
            Self::SlowDeployment(time) => {
                format!("a release whose calls to DynamoDB take {time:?} longer")
            }
            Self::MemoryShort => "tasks have hardly more memory than they use".to_owned(),
            Self::CpuShort => "tasks run for a moment at a time".to_owned(),
            Self::CollectorsGone(1) => "no collector reads one of two tasks' metrics".to_owned(),
            Self::CollectorsGone(_) => "no collector reads the tasks' metrics".to_owned(),
        }
    }
}

fn dynamodb(fault: DynamoDbFault) -> String {
    let calls = |one_in: u32| match one_in {
        1 => "every call".to_owned(),
        one_in => format!("one call in {one_in}"),
    };
    match fault {
        DynamoDbFault::Unreachable => "DynamoDB breaks off every connection".to_owned(),
        DynamoDbFault::Throttles(one_in) => format!("DynamoDB throttles {}", calls(one_in)),
        DynamoDbFault::Fails(one_in) => format!("DynamoDB fails {}", calls(one_in)),
        DynamoDbFault::Denies(one_in) => format!("DynamoDB denies {}", calls(one_in)),
        DynamoDbFault::DeniesOperation(operation) => {
            format!("DynamoDB denies every {operation}, and nothing else")
        }
        DynamoDbFault::SlowOperation(operation, time) => {
            format!("DynamoDB takes {time:?} longer for {operation}, and nothing else")
        }
        DynamoDbFault::SlowPages(time) => {
            format!("DynamoDB takes {time:?} longer for each page after a list's first")
        }
        DynamoDbFault::Slow(one_in, time) => {
            format!("DynamoDB takes {time:?} longer for {}", calls(one_in))
        }
    }
}

impl Verdict {
    /// What the alarms did, in the order in which they fired.
    #[must_use]
    pub fn story(&self, drill: &Drill) -> String {
        let mut lines = Vec::new();
        if self.fired.is_empty() {
            lines.push("  no alarm fires".to_owned());
        }
        let mut fired: Vec<_> = self.fired.iter().collect();
        fired.sort_by_key(|(_, (after, _))| *after);
        for (alarm, (after, ended)) in fired {
            let also = if drill.alarms.contains(&alarm.as_str()) { "" } else { " too" };
            let ended = match ended {
                Some(1) => "1 minute after the fault: OK".to_owned(),
                Some(ended) => format!("{ended} minutes after the fault: OK"),
                None => "never OK again".to_owned(),
            };
            lines.push(fitted(&format!("  minute {after}: {alarm} fires{also};"), &ended));
            let mut reasons = drill.others.iter().chain(drill.perhaps);
            if let Some((_, why)) = reasons.find(|(other, _)| other == alarm) {
                lines.push(wrapped(4, &format!("({why})")));
            }
        }
        if let Some((alarm, after)) =
            self.rolled_back.as_ref().filter(|_| drill.rolled_back_by.is_some())
        {
            lines.push(format!("  minute {after}: {alarm} rolls the release back"));
        }
        for compared in &self.slis {
            lines.push(wrapped(2, &format!("clients: {compared}")));
            let mut reasons = drill.differs.iter().filter(|_| !compared.agrees());
            if let Some((_, why)) = reasons.find(|(sli, _)| *sli == compared.sli) {
                lines.push(wrapped(4, &format!("({why})")));
            }
        }
        lines.join("\n")
    }
}

/// A text in lines that fit a terminal. The second line and the others are indented further than the first.
#[must_use]
pub fn wrapped(indent: usize, text: &str) -> String {
    let mut lines = vec![" ".repeat(indent)];
    for word in text.split_whitespace() {
        let line = lines.last().map_or("", String::as_str);
        let is_empty = line.trim_start().is_empty();
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(" ".repeat(indent + 2));
        }
        if let Some(line) = lines.last_mut() {
            if !line.trim_start().is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

/// Both texts in one line if they fit, otherwise in two.
fn fitted(first: &str, second: &str) -> String {
    let last = first.lines().next_back().unwrap_or_default();
    let is_short = last.chars().count() + 1 + second.chars().count() <= WIDTH;
    let between = if is_short { " " } else { "\n    " };
    format!("{first}{between}{second}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarms;
    use crate::clients::{Compared, Sli};
    use crate::plan::DRILLS;

    fn drill(name: &str) -> &'static Drill {
        DRILLS.iter().find(|drill| drill.name == name).unwrap()
    }

    #[test]
    fn a_story_says_when_each_alarm_fires_and_recovers() {
        let drill = drill("dynamodb-unreachable");
        assert_eq!(
            drill.story(),
            "  DynamoDB breaks off every connection for 40 minutes, with 17 requests a minute"
        );
        assert_eq!(Verdict::default().story(drill), "  no alarm fires");
        let fired = [("picus-availability-ticket", (7, None)), ("picus-page", (4, Some(29)))];
        let fired = fired.map(|(alarm, minutes)| (alarm.to_owned(), minutes)).into();
        let verdict = Verdict { fired, ..Verdict::default() };
        assert_eq!(
            verdict.story(drill).lines().collect::<Vec<_>>(),
            [
                "  minute 4: picus-page fires; 29 minutes after the fault: OK",
                "  minute 7: picus-availability-ticket fires too; never OK again",
                "    (the budget burns, whichever window is looked at)",
            ]
        );
    }

    #[test]
    fn a_story_names_the_alarm_that_rolled_a_release_back() {
        let rolled_back = Some(("picus-availability-page-5m".to_owned(), 3));
        let fired = [("picus-page".to_owned(), (4, Some(29)))].into();
        let verdict = Verdict { fired, rolled_back, ..Verdict::default() };
        let told = verdict.story(drill("bad-deployment"));
        let end = "minute 3: picus-availability-page-5m rolls the release back";
        assert!(told.ends_with(end), "{told}");
        assert!(!verdict.story(drill("tasks-gone")).contains("rolls"));
    }

    #[test]
    fn a_long_text_is_wrapped_and_keeps_its_words() {
        let text = "picus-page and others fire, but nothing in this drill says that they should, ";
        let text = text.repeat(3) + &"x".repeat(90);
        let lines = wrapped(2, &text);
        let (long, rest): (Vec<_>, Vec<_>) =
            lines.lines().partition(|line| line.chars().count() > WIDTH);
        assert_eq!(long, [format!("    {}", "x".repeat(90))], "only a word without spaces");
        assert!(rest.len() > 2 && rest[1].starts_with("    "), "{lines}");
        assert!(lines.split_whitespace().eq(text.split_whitespace()), "{lines}");
        assert_eq!(wrapped(2, "short"), "  short");
    }

    #[test]
    fn every_story_fits_a_terminal() {
        let alarms = alarms::alarms(alarms::TEMPLATE).unwrap();
        let fired = alarms.iter().map(|alarm| (alarm.name.clone(), (2880, Some(4320)))).collect();
        let slis = [Sli::Availability, Sli::Latency].map(|sli| Compared {
            sli,
            seen: 100.0,
            at_least: 80.0,
            told: 50.0,
        });
        let verdict = Verdict { fired, slis: slis.into(), ..Verdict::default() };
        for drill in DRILLS {
            for line in [drill.story(), verdict.story(drill)].join("\n").lines() {
                assert!(line.chars().count() <= WIDTH, "{line}");
            }
        }
    }
}
