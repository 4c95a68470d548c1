// Alarms of one's own: a CloudFormation template, tried on the data at hand.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { AlarmDetail } from "../api.ts";
import { post } from "../api.ts";
import { plural } from "../format.ts";
import { useRange } from "../range.ts";
import { AlarmLine } from "./alarm.tsx";
import { AlarmBadge, Empty, Failure, Shape } from "./state.tsx";

interface Answer { problems: string[]; alarms: AlarmDetail[] }

export function OwnTemplate(): JSX.Element {
  const { minutes } = useRange();
  const [template, setTemplate] = useState("");
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [error, setError] = useState<string | null>(null);
  const draw = () =>
    post<Answer>("/api/alarms", { template, minutes }).then(
      (value) => {
        setAnswer(value);
        setError(null);
      },
      (failed: Error) => setError(failed.message),
    );
  const take = (files: FileList | null | undefined) => void files?.[0]?.text().then(setTemplate);
  return (
    <div class="stack">
      <section class="card" onDragOver={(event) => event.preventDefault()} onDrop={(event) => {
        event.preventDefault();
        take(event.dataTransfer?.files);
      }}>
        <header><h2>Try a template with alarms</h2></header>
        <div class="body stack">
          <label class="field">
            <span>A CloudFormation template in YAML: drop a file here, or paste it</span>
            <textarea rows={12} value={template} spellcheck={false} onInput={(event) => setTemplate(event.currentTarget.value)} />
          </label>
          <div class="tools">
            <button type="button" class="primary" disabled={!template.trim()} onClick={() => void draw()}>Evaluate on this system's data</button>
            <input type="file" accept=".yaml,.yml" aria-label="A template's file" onChange={(event) => take(event.currentTarget.files)} />
          </div>
        </div>
      </section>
      {error ? <Failure error={error} /> : null}
      {answer?.problems.length ? (
        <section class="problems"><h2><Shape tone="warn" />{plural(answer.problems.length, "problem")}</h2><ul>{answer.problems.map((problem) => <li key={problem}>{problem}</li>)}</ul></section>
      ) : null}
      {answer && answer.alarms.length === 0 ? <Empty title="No alarm in it">The template has no AWS::CloudWatch::Alarm that can be evaluated here.</Empty> : null}
      {answer?.alarms.map((alarm) => (
        <section class="card" key={alarm.name}>
          <div class="body stack">
            <div class="detail-title"><h2>{alarm.name}</h2><AlarmBadge state={alarm.state} /></div>
            <p class="muted">{alarm.reason}</p>
            {alarm.kind === "metric" ? <AlarmLine alarm={alarm} /> : <code>{alarm.rule}</code>}
          </div>
        </section>
      ))}
    </div>
  );
}
