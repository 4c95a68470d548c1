// Traces: those that were kept, filtered; and one of them as a waterfall.
import type { JSX } from "preact";
import type { State, TraceSummary } from "../api.ts";
import { milliseconds, plural } from "../format.ts";
import { useLoaded } from "../live.ts";
import { Empty, Failure, Heading, Loading, Status, Time } from "../parts/state.tsx";
import { TracePage } from "../parts/waterfall.tsx";
import type { Route } from "../route.ts";
import { address, go } from "../route.ts";

const ROUTES = ["/picus/list", "/picus/put", "/picus/get/{key}", "/picus/{key}", "/health"];
const FILTERS = ["route", "status", "least_ms", "code", "id", "from", "until"] as const;

function List({ traces, note }: { traces: TraceSummary[]; note: string | null }): JSX.Element {
  const longest = Math.max(...traces.map(({ duration_ms }) => duration_ms));
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Traces">
      <table class="trace-rows">
        <thead>
          <tr><th>Time</th><th>Request</th><th>Status</th><th>Code</th><th class="number">Duration</th><th class="wide"><span class="unseen">Share of the longest</span></th><th class="number">Spans</th><th>Program</th><th>Trace</th></tr>
        </thead>
        <tbody>
          {traces.map((trace) => (
            <tr key={trace.id}>
              <td class="muted"><Time at={trace.start} fine /></td>
              <td><a href={address("traces", trace.xray_id)}>{trace.name}</a></td>
              <td><Status status={trace.status} failed={trace.failed} /></td>
              <td class="muted">{trace.code ?? ""}</td>
              <td class="number">{milliseconds(trace.duration_ms)}</td>
              <td class="wide"><i class={`bar ${trace.failed ? "is-failed" : ""}`} style={{ width: `${(100 * trace.duration_ms) / (longest || 1)}%` }} /></td>
              <td class="number muted">{trace.spans}</td>
              <td class="muted">{trace.service.replace(/^picus-/, "")}</td>
              <td class="mono muted">{trace.xray_id.slice(-8)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {note ? <p class="hint inset">{note}</p> : null}
    </div>
  );
}

export function Traces({ route, state }: { route: Route; state: State }): JSX.Element {
  const filters = Object.fromEntries(FILTERS.map((name) => [name, route.query.get(name) ?? ""])) as Record<(typeof FILTERS)[number], string>;
  const { value, error } = useLoaded<{ traces: TraceSummary[]; kept: number; note: string | null }>(
    route.name ? null : "/api/traces", { ...filters, limit: 100 }, state.minute);
  if (route.name) return <TracePage id={route.name} />;
  const set = (name: string, value: string) => go(address("traces", null, { ...filters, [name]: value }), true);
  const field = (name: (typeof FILTERS)[number], title: string, placeholder: string) => (
    <label class={`field ${name === "id" ? "grow" : ""}`}>
      <span>{title}</span>
      <input value={filters[name]} placeholder={placeholder} onInput={(event) => set(name, event.currentTarget.value.trim())} size={name === "id" ? 30 : 12} />
    </label>
  );
  const any = FILTERS.some((name) => filters[name]);
  return (
    <>
      <Heading title="Traces" lead="Each request as X-Ray would show it, newest first. Open one for its waterfall and its log lines." />
      <section class="card">
        <form class="filters" onSubmit={(event) => event.preventDefault()}>
          <label class="field">
            <span>Route</span>
            <select value={filters.route} onChange={(event) => set("route", event.currentTarget.value)}>
              <option value="">Every route</option>
              {ROUTES.map((one) => <option key={one}>{one}</option>)}
            </select>
          </label>
          {field("status", "Status", "5xx or 503")}
          {field("least_ms", "At least, ms", "300")}
          {field("code", "Error code", "throttled")}
          {field("id", "Trace id, either form", "1-5759e988-…")}
          {any ? <button type="button" onClick={() => go(address("traces"), true)}>Clear</button> : null}
        </form>
        {filters.from ? <p class="hint inset">Only of <Time at={Number(filters.from)} /> to <Time at={Number(filters.until)} />.</p> : null}
        {error ? <Failure error={error} /> : null}
        {!value ? (error ? null : <Loading lines={8} />) : value.traces.length ? <List traces={value.traces} note={value.note} /> : (
          <Empty title={any ? "No trace matches" : "No traces yet"}>
            {any ? `${plural(value.kept, "trace")} kept; none matches these filters.`
              : <>Choose a level of traffic above, or <a href={address("requests")}>send a request</a>.</>}
          </Empty>
        )}
      </section>
    </>
  );
}
