// How a practice went: its times, what users lost, what was done when, and the shortest way.
import type { JSX } from "preact";
import { number, plural } from "../format.ts";
import type { Saved } from "../saved.ts";
import type { Tone } from "./state.tsx";
import { Badge, Shape } from "./state.tsx";

interface Moment { minute: number; tone: Tone; title: string; note?: string }

/** What happened, in the order of its minutes. */
function moments({ run, titles }: Saved): Moment[] {
  const named = (id: string) => titles[id] ?? id;
  const once = (minute: number | null, tone: Tone, title: string): Moment[] => (minute === null ? [] : [{ minute, tone, title }]);
  return [
    ...once(run.began_minute, "none", "Something broke"),
    ...once(run.paged_minute, "alarm", "An alarm paged"),
    ...once(run.acknowledged_minute, "none", "Acknowledged"),
    ...run.answers.map(({ minute, causes, right }): Moment => (
      { minute, tone: right ? "ok" : "warn", title: right ? "The cause was named" : "A wrong cause was named", note: causes.map(named).join(", ") })),
    ...run.acts.map(({ minute, action, note }): Moment => ({ minute, tone: note === "it helped" ? "ok" : "warn", title: named(action), note })),
  ].toSorted((a, b) => a.minute - b.minute);
}

const Figure = ({ title, value, note }: { title: string; value: number | null; note: string }): JSX.Element => (
  <div><dt>{title}</dt><dd>{value === null ? "never" : number(value)} <small>{value === null ? "" : note}</small></dd></div>
);
const minutes = (value: number | null) => (value === 1 ? "minute" : "minutes");

export function Result({ saved }: { saved: Saved }): JSX.Element {
  const { over } = saved.run;
  return (
    <section class="card" aria-labelledby="result" data-solved={String(over.solved)}>
      <header>
        <h2 id="result">{saved.title}</h2>
        <Badge tone={over.solved ? "ok" : "alarm"}>{over.solved ? "Solved" : "Not solved"}</Badge>
      </header>
      <dl class="figures four">
        <Figure title="To acknowledge" value={over.minutes_to_acknowledge} note={minutes(over.minutes_to_acknowledge)} />
        <Figure title="To the cause" value={over.minutes_to_cause} note={minutes(over.minutes_to_cause)} />
        <Figure title="To the mend" value={over.minutes_to_mend} note={minutes(over.minutes_to_mend)} />
        <Figure title="What users lost" value={over.users_lost} note={over.users_lost === 1 ? "request" : "requests"} />
      </dl>
      <div class="body two">
        <div class="stack">
          <div><h3>What it was</h3><ul class="plain">{over.causes.map((id) => <li key={id}>{saved.titles[id] ?? id}</li>)}</ul></div>
          <p>{saved.explanation}</p>
          <div><h3>The shortest way</h3><p>{over.shortest_way}</p></div>
          <p class="hint">Minutes are CloudWatch's, counted from the page. You named causes {plural(saved.run.answers.length, "time")} and did {plural(saved.run.acts.length, "thing")}.</p>
        </div>
        <div>
          <h3>What happened</h3>
          <ol class="history">
            {moments(saved).map((moment, index) => (
              <li key={index}><Shape tone={moment.tone} /><div><b>{moment.title}</b> <span class="muted">minute {moment.minute}</span>{moment.note ? <p class="muted">{moment.note}</p> : null}</div></li>
            ))}
          </ol>
        </div>
      </div>
    </section>
  );
}
