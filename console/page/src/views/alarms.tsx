// Alarms: the list, and beside it the one that is looked at, with its line, its minutes and its runbook.
import type { JSX } from "preact";
import type { AlarmSummary, State } from "../api.ts";
import { plural } from "../format.ts";
import { useLoaded } from "../live.ts";
import { AlarmPage } from "../parts/alarm.tsx";
import { RangeTool } from "../parts/range.tsx";
import { Empty, Failure, Heading, Loading, Shape, toneOf, wordOf } from "../parts/state.tsx";
import { OwnTemplate } from "../parts/template.tsx";
import type { Route } from "../route.ts";
import { address } from "../route.ts";

const ORDER = { ALARM: 0, INSUFFICIENT_DATA: 1, OK: 2 } as const;
const TEMPLATE = "template";

/** It tells nobody: only composite alarms use it. */
const isPart = (alarm: AlarmSummary): boolean => alarm.fires_within_minutes === null;

const List = ({ alarms, name }: { alarms: AlarmSummary[]; name: string | null }): JSX.Element => (
  <ul class="alarm-list">
    {alarms.map((alarm) => (
      <li key={alarm.name}>
        <a href={address("alarms", alarm.name)} aria-current={alarm.name === name ? "true" : undefined} data-alarm={alarm.name} data-state={alarm.state}>
          <Shape tone={toneOf(alarm.state)} />
          <span title={alarm.name}>{alarm.name}</span>
          <small>{alarm.state !== "OK" ? wordOf(alarm.state) : isPart(alarm) ? "" : alarm.pages ? "pages" : "ticket"}</small>
        </a>
      </li>
    ))}
  </ul>
);

export function Alarms({ route, state }: { route: Route; state: State }): JSX.Element {
  const { value, error } = useLoaded<{ alarms: AlarmSummary[] }>("/api/alarms", {}, `${state.minute} ${state.alarms.on.join()}`);
  const alarms = value?.alarms.toSorted((a, b) => ORDER[a.state] - ORDER[b.state] || Number(b.pages) - Number(a.pages) || a.name.localeCompare(b.name));
  const name = route.name ?? alarms?.find((alarm) => !isPart(alarm))?.name ?? null;
  const parts = alarms?.filter(isPart) ?? [];
  const on = parts.filter(({ state }) => state === "ALARM").length;
  const summary = alarms?.find((alarm) => alarm.name === name);
  return (
    <>
      <Heading title="Alarms" lead="The alarms that dashboards/alarms.yaml deploys, evaluated each minute as CloudWatch does.">
        {route.name ? <a class="button only-narrow" href={address("alarms")}>All alarms</a> : null}
        <RangeTool state={state} />
        <a class="button" href={address("alarms", TEMPLATE)}>Try a template …</a>
      </Heading>
      {error ? <Failure error={error} /> : null}
      {!alarms ? (error ? null : <Loading lines={8} />) : (
        <div class={`beside ${route.name ? "has-choice" : ""}`}>
          <nav class="card" aria-label="Alarms">
            {alarms.length === 0 ? <Empty title="No alarms">No template with alarms was found.</Empty> : null}
            <List alarms={alarms.filter((alarm) => !isPart(alarm))} name={name} />
            {parts.length ? (
              <details open={parts.some((part) => part.name === name)}>
                <summary>{plural(parts.length, "part")} of composite alarms{on ? `, ${on} in alarm` : ""}</summary>
                <List alarms={parts} name={name} />
              </details>
            ) : null}
            <p class="hint inset">“Pages” wakes somebody; “ticket” waits for the day.</p>
          </nav>
          {name === TEMPLATE ? <OwnTemplate /> : name ? <AlarmPage key={name} name={name} state={state} summary={summary} /> : null}
        </div>
      )}
    </>
  );
}
