// The incident that is practised: the ways to look, the answer, what can be done, and whether users are well.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Overview, Practice, PracticeRun, State, Titled } from "../api.ts";
import { number } from "../format.ts";
import { useLoaded } from "../live.ts";
import { address } from "../route.ts";
import type { Tone } from "./state.tsx";
import { Badge, Shape } from "./state.tsx";

export type Do = (what: string, body?: object) => void;
interface Given { practice: Practice; run: PracticeRun; act: Do }

const named = (list: Titled[], id: string) => list.find((one) => one.id === id)?.title ?? id;

/** Where the practice is, in a word and a sentence. */
function stage(run: PracticeRun): [Tone, string, string] {
  if (run.well) return ["ok", "Users are well again", "Name the cause to end the practice."];
  if (run.mended_minute !== null) return ["warn", "Mended", "Users are well when a minute passes in which no request fails."];
  if (run.paged_minute === null) return ["none", "Nothing has paged yet", "An alarm will. Nothing keeps you from looking around before."];
  if (run.acknowledged_minute === null) return ["alarm", `You were paged in minute ${run.paged_minute}`, "Acknowledge it, then look."];
  return ["alarm", `You were paged in minute ${run.paged_minute}`, "Find out what broke, and mend it."];
}

function Look({ run, state }: { run: PracticeRun; state: State }): JSX.Element {
  const clients = useLoaded<Overview>("/api/overview", { minutes: 1 }, state.minute).value?.clients;
  const lost = clients && clients.sent !== null ? (clients.failed ?? 0) + (clients.gave_up ?? 0) : null;
  const [tone, title, hint] = stage(run);
  return (
    <section class="card" aria-labelledby="stage" data-stage={tone}>
      <header><h2 id="stage" class={`stage tone-${tone}`}><Shape tone={tone} />{title}</h2></header>
      <div class="body stack">
        <p>{hint} In the last minute, {lost === null ? "no client asked anything." : <><b data-lost={lost}>{number(lost)} of {number(clients?.sent)}</b> requests failed.</>}</p>
        <div class="tools">
          {state.alarms.on.slice(0, 4).map((name) => <a key={name} class="badge tone-alarm" href={address("alarms", name)}><Shape tone="alarm" />{name}</a>)}
          {state.alarms.on.length > 4 ? <a class="small" href={address("alarms")}>and {state.alarms.on.length - 4} more</a> : null}
          {state.alarms.on.length ? <span class="hint">Each has its runbook beside it.</span> : null}
        </div>
        <div class="tools">
          <a class="button" href={address("overview")}>Map</a>
          <a class="button" href={address("dashboards")}>Dashboards</a>
          <a class="button" href={address("alarms")}>Alarms and runbooks</a>
          <a class="button" href={address("traces", null, { status: "5xx" })}>Failed traces</a>
          <a class="button" href={address("logs")}>Logs</a>
          <a class="button" href={address("logs", "insights")}>Queries</a>
        </div>
      </div>
    </section>
  );
}

function Cause({ practice, run, act }: Given): JSX.Element {
  const [causes, setCauses] = useState<string[]>([]);
  const last = run.answers.at(-1);
  const toggle = (id: string) => setCauses((before) => (before.includes(id) ? before.filter((one) => one !== id) : [...before, id]));
  return (
    <section class="card" aria-labelledby="cause">
      <header><h2 id="cause">What is the cause?</h2><span class="hint">One, or several</span></header>
      <div class="body stack">
        <fieldset class="choices">
          <legend class="unseen">Causes</legend>
          {practice.causes.map((cause) => (
            <label key={cause.id}>
              <input type="checkbox" checked={causes.includes(cause.id)} onChange={() => toggle(cause.id)} data-cause={cause.id} />
              <span class="break">{cause.title}</span>
            </label>
          ))}
        </fieldset>
        <div class="tools">
          <button type="button" class="primary" disabled={causes.length === 0} onClick={() => act("answer", { causes })}>That is it</button>
          <span class="tools" role="status">{last ? (
            <>
              <span data-right={String(last.right)}><Badge tone={last.right ? "ok" : "warn"}>{last.right ? "Right" : "Not that, or not all of it"}</Badge></span>
              <span class="hint">{last.causes.map((id) => named(practice.causes, id)).join(", ")}</span>
            </>
          ) : null}</span>
        </div>
      </div>
    </section>
  );
}

const Mend = ({ practice, run, act, state: { system } }: Given & { state: State }): JSX.Element => (
  <section class="card" aria-labelledby="mend">
    <header><h2 id="mend">What will you do?</h2></header>
    <div class="body stack">
      <p class="hint" data-revision={system.revision}>The service runs revision {system.revision} of its task definition. {system.revision_before === null ? "There is none before it." : `Before it ran revision ${system.revision_before}.`}</p>
      <div class="actions">{practice.actions.map(({ id, title }) => <button type="button" key={id} data-action={id} onClick={() => act("act", { action: id })}>{title}</button>)}</div>
      <div role="status">{run.acts.length ? (
        <ol class="history">
          {run.acts.toReversed().map((done, index) => (
            <li key={run.acts.length - index}><Shape tone={done.note === "it helped" ? "ok" : "warn"} /><div><b>{named(practice.actions, done.action)}</b> <span class="muted">minute {done.minute}: {done.note}</span></div></li>
          ))}
        </ol>
      ) : <p class="hint">The system does it at once. What does not fit changes nothing, and costs time.</p>}</div>
      <div><button type="button" onClick={() => act("give-up")}>Give up and see the solution</button></div>
    </div>
  </section>
);

export const Incident = ({ practice, run, act, state }: Given & { state: State }): JSX.Element => (
  <div class="stack">
    <Look run={run} state={state} />
    <div class="two">
      <Cause practice={practice} run={run} act={act} />
      <Mend practice={practice} run={run} act={act} state={state} />
    </div>
  </div>
);
