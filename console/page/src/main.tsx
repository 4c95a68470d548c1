// The page: its head, the way between the views, and the view that is open.
import "uplot/dist/uPlot.min.css";
import "./style/tokens.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/parts.css";
import "./style/views.css";
import type { JSX } from "preact";
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { State } from "./api.ts";
import { plural } from "./format.ts";
import { connect, dismiss, useLive } from "./live.ts";
import { Controls } from "./parts/controls.tsx";
import type { IconName } from "./parts/icons.tsx";
import { Icon } from "./parts/icons.tsx";
import { Pager } from "./parts/pager.tsx";
import { Loading, Shape, toneOf, wordOf } from "./parts/state.tsx";
import type { Route } from "./route.ts";
import { address, useRoute } from "./route.ts";
import { currentTheme, setTheme, useTheme } from "./theme.ts";
import { Alarms } from "./views/alarms.tsx";
import { Dashboards } from "./views/dashboards.tsx";
import { Logs } from "./views/logs.tsx";
import { Overview } from "./views/overview.tsx";
import { Practice } from "./views/practice.tsx";
import { Requests } from "./views/requests.tsx";
import { Traces } from "./views/traces.tsx";

type View = (props: { route: Route; state: State }) => JSX.Element;
const VIEWS: { name: IconName; title: string; view: View }[] = [
  { name: "overview", title: "Overview", view: Overview },
  { name: "dashboards", title: "Dashboards", view: Dashboards },
  { name: "alarms", title: "Alarms", view: Alarms },
  { name: "traces", title: "Traces", view: Traces },
  { name: "logs", title: "Logs", view: Logs },
  { name: "requests", title: "Requests", view: Requests },
  { name: "practice", title: "Practice", view: Practice },
];

function Page(): JSX.Element {
  const route = useRoute();
  const live = useLive();
  const theme = useTheme();
  const [open, setOpen] = useState(false);
  const practice = live.state?.practice;
  const isPaged = !!practice && !practice.over && practice.paged_minute !== null && practice.acknowledged_minute === null;
  const shown = VIEWS.find(({ name }) => name === route.view) ?? VIEWS[0]!;
  useEffect(() => {
    document.title = `${isPaged ? "Paged! · " : ""}${route.name ? `${route.name} · ` : ""}${shown.title} · Picus console`;
  }, [shown, route.name, isPaged]);
  // In a narrow window the list of views is longer than the window.
  useEffect(() => document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }), [shown]);
  const alarms = live.state?.alarms;
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => {
        event.preventDefault();
        document.querySelector<HTMLElement>("main")?.focus();
      }}>To the content</a>
      <header class="head">
        <a class="brand" href={address("overview")}>
          <img src="/icon.svg" alt="" width="24" height="24" />
          Picus
        </a>
        <div class={`head-controls ${open ? "is-open" : ""}`} id="controls">{live.state ? <Controls state={live.state} /> : null}</div>
        <div class="head-end">
          {live.connected ? null : <span class="badge tone-warn" role="status"><Shape tone="warn" />Reconnecting</span>}
          {alarms ? (
            <a class={`badge tone-${alarms.alarm ? "alarm" : "ok"}`} href={address("alarms")} data-alarms={alarms.alarm}>
              <Shape tone={alarms.alarm ? "alarm" : "ok"} />
              {alarms.alarm ? plural(alarms.alarm, "alarm") : "No alarms"}
            </a>
          ) : null}
          <button type="button" class="icon-button only-narrow" aria-expanded={open} aria-controls="controls" onClick={() => setOpen(!open)}>
            <Icon name="controls" />
            <span class="unseen">Clock, traffic and faults</span>
          </button>
          <button type="button" class="icon-button" onClick={() => setTheme(currentTheme() === "dark" ? "light" : "dark")}>
            <Icon name={theme === "dark" ? "sun" : "moon"} />
            <span class="unseen">{theme === "dark" ? "Light" : "Dark"} colours</span>
          </button>
        </div>
      </header>
      <nav class="nav" aria-label="Views">
        {VIEWS.map(({ name, title }) => (
          <a key={name} href={address(name)} aria-current={name === shown.name ? "page" : undefined}>
            <Icon name={name} />
            {title}
            {name === "alarms" && alarms?.alarm ? <span class="count">{alarms.alarm}</span> : null}
          </a>
        ))}
      </nav>
      <main id="main" tabIndex={-1} class={`view-${shown.name}`} key={shown.name}>
        {practice && !practice.over ? <Pager run={practice} rings={isPaged} away={shown.name !== "practice"} /> : null}
        {live.state ? <shown.view route={route} state={live.state} /> : <Loading lines={6} />}
      </main>
      <div class="notices" role="status" aria-live="polite">
        {live.changes.map((change) => (
          <div class={`notice tone-${toneOf(change.to)}`} key={change.alarm}>
            <Shape tone={toneOf(change.to)} />
            <a href={address("alarms", change.alarm)}>{change.alarm}</a>
            <span>{wordOf(change.to)} · minute {change.minute}</span>
            <button type="button" class="icon-button" onClick={() => dismiss(change)}>
              <Icon name="close" />
              <span class="unseen">Dismiss</span>
            </button>
          </div>
        ))}
      </div>
    </>
  );
}

connect();
render(<Page />, document.getElementById("page")!);
