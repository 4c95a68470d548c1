// What one does to the system: the clock, the traffic, the faults.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { State } from "../api.ts";
import { post } from "../api.ts";
import { plural } from "../format.ts";
import { adopt } from "../live.ts";
import { Icon } from "./icons.tsx";
import { Time } from "./state.tsx";

const SPEEDS = [1, 2, 5, 10, 20, 60];
const TRAFFIC: Record<string, string> = {
  none: "None", low: "Low", normal: "Normal", flood: "Flood", impatient: "Impatient clients",
};

export function Controls({ state }: { state: State }): JSX.Element {
  const [error, setError] = useState<string | null>(null);
  const change = (path: string, body: object) =>
    post<State>(path, body).then(
      (next) => {
        adopt(next);
        setError(null);
      },
      (failed: Error) => setError(failed.message),
    );
  const { running, seconds_per_minute: seconds } = state.clock;
  const speeds = SPEEDS.includes(seconds) ? SPEEDS : [...SPEEDS, seconds].sort((a, b) => a - b);
  return (
    <div class="controls">
      <div class="control clock" role="group" aria-label="Clock">
        <button type="button" class="icon-button" onClick={() => change("/api/clock", { running: !running })}>
          <Icon name={running ? "pause" : "play"} />
          <span class="unseen">{running ? "Pause the clock" : "Run the clock"}</span>
        </button>
        <span class="minute">
          <span class="label">{running ? "Minute" : "Paused at"}</span>
          <b data-minute={state.minute}>{state.minute}</b>
          <Time at={state.at} />
        </span>
        <label class="field-inline">
          <span class="unseen">How long a minute lasts</span>
          <select value={seconds} onChange={(event) => change("/api/clock", { seconds_per_minute: Number(event.currentTarget.value) })}>
            {speeds.map((speed) => (
              <option key={speed} value={speed}>{speed === 60 ? "real time" : `${speed} s a minute`}</option>
            ))}
          </select>
        </label>
      </div>
      <label class="control">
        <span class="label">Traffic</span>
        <select value={state.traffic.level} onChange={(event) => change("/api/traffic", { level: event.currentTarget.value })}>
          {state.traffic.levels.map((level) => <option key={level} value={level}>{TRAFFIC[level] ?? level}</option>)}
        </select>
      </label>
      {state.practice && !state.practice.over ? <span class="label">Faults are hidden: you practise</span>
        : <Faults state={state} change={(name, on) => change("/api/faults", { name, on })} />}
      {error ? <p class="control-error" role="alert">{error}</p> : null}
    </div>
  );
}

function Faults({ state, change }: { state: State; change: (name: string, on: boolean) => void }): JSX.Element {
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (event: Event) => {
      const outside = event instanceof KeyboardEvent ? event.key === "Escape" : !menu.current?.contains(event.target as Node);
      if (outside && menu.current?.open) {
        menu.current.open = false;
        if (event instanceof KeyboardEvent) menu.current.querySelector("summary")?.focus();
      }
    };
    addEventListener("click", close);
    addEventListener("keydown", close);
    return () => {
      removeEventListener("click", close);
      removeEventListener("keydown", close);
    };
  }, []);
  const on = state.faults.filter((fault) => fault.on);
  return (
    <details class={`menu ${on.length ? "is-on" : ""}`} ref={menu}>
      <summary>
        <Icon name="bolt" />
        {on.length ? plural(on.length, "fault") : "Break something"}
        <Icon name="down" />
      </summary>
      <div class="panel">
        <p class="hint">Faults of the real programs and their surroundings. They stay until you end them.</p>
        {state.faults.map((fault) => (
          <label class="switch" key={fault.name}>
            <input type="checkbox" role="switch" checked={fault.on} onChange={() => change(fault.name, !fault.on)} data-fault={fault.name} />
            <span>{fault.title}</span>
          </label>
        ))}
      </div>
    </details>
  );
}
