// Practice: a fault that is not shown, a page, and the same tools as on the day.
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import type { Practice as Answer, State } from "../api.ts";
import { post } from "../api.ts";
import { useLoaded } from "../live.ts";
import { Evidence } from "../parts/evidence.tsx";
import type { Do } from "../parts/incident.tsx";
import { Incident } from "../parts/incident.tsx";
import { Result } from "../parts/result.tsx";
import { SoundSwitch } from "../parts/sound.tsx";
import { Empty, Failure, Heading, Loading } from "../parts/state.tsx";
import type { Saved } from "../saved.ts";
import { opened, save, saved, seen } from "../saved.ts";

const DOTS: Record<string, string> = { easy: "●○○", medium: "●●○", hard: "●●●" };

function Begin({ practice, act }: { practice: Answer; act: Do }): JSX.Element {
  return (
    <div class="stack">
      <section class="card surprise" aria-labelledby="surprise">
        <div>
          <h2 id="surprise">Surprise me</h2>
          <p>Something breaks, and you are not told what. An alarm pages you. Find the cause, name it, and mend it. Faults that are on end first.</p>
        </div>
        <button type="button" class="primary" onClick={() => act("begin", {})}>Begin</button>
      </section>
      <h2>Or choose a scenario</h2>
      {practice.scenarios.length === 0 ? <Empty title="No scenarios">A scenario is a file in console/scenarios/.</Empty> : (
        <ul class="scenarios">
          {practice.scenarios.map(({ id, title, difficulty }) => (
            <li class="card" key={id}>
              <strong>{title}</strong>
              <div class="tools">
                <span class="muted small"><span aria-hidden="true">{DOTS[difficulty]} </span>{difficulty}</span>
                <button type="button" data-scenario={id} onClick={() => act("begin", { scenario: id })}>Begin<span class="unseen">: {title}</span></button>
              </div>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

export function Practice({ state }: { state: State }): JSX.Element {
  const [error, setError] = useState<string | null>(null);
  const [reopened, setReopened] = useState<Saved | null>(null);
  const file = useRef<HTMLInputElement>(null);
  const { value: practice, error: unloaded } = useLoaded<Answer>("/api/practice");
  const fail = (failed: Error) => setError(failed.message);
  const act: Do = (what, body = {}) => void post(`/api/practice/${what}`, body).then(() => {
    setError(null);
    setReopened(null);
  }, fail);
  const take = (one: File | undefined) => one && opened(one).then((read) => {
    setError(null);
    setReopened(read);
  }, fail);
  const keep = (one: Saved) => seen(one, state.minute).then((evidence) => save({ ...one, seen: evidence }), fail);
  // The state tells of each change; the first answer only of what can be chosen.
  const run = state.practice;
  const running = run && !run.over ? run : null;
  const last = practice ? saved(practice, run) : null;
  const shown = reopened ?? last;
  const failure = error ?? unloaded;
  return (
    <>
      <Heading title="Practice" lead="Have the incident before it happens: the real programs, the real alarms and the real runbooks.">
        <SoundSwitch />
        {running ? null : (
          <>
            {shown && !reopened ? <button type="button" onClick={() => void keep(shown)}>Save as a file</button> : null}
            {reopened ? <button type="button" onClick={() => setReopened(null)}>Close the file</button> : null}
            <input class="unseen" type="file" accept=".json,application/json" ref={file} aria-label="A practice that was saved" tabIndex={-1}
              onChange={(event) => void take(event.currentTarget.files?.[0])} />
            <button type="button" onClick={() => file.current?.click()}>Open a file …</button>
          </>
        )}
      </Heading>
      {failure ? <Failure error={failure} /> : null}
      {!practice ? (unloaded ? null : <Loading lines={6} />) : running ? <Incident practice={practice} run={running} act={act} state={state} /> : (
        <div class="stack">
          {shown ? <Result saved={shown} /> : null}
          {shown?.seen ? <Evidence seen={shown.seen} /> : null}
          <Begin practice={practice} act={act} />
        </div>
      )}
    </>
  );
}
