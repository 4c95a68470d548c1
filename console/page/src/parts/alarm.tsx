// One alarm: why it is in its state, its line against its threshold, its runbook.
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { AlarmDetail, AlarmSummary, LogLine, State, TraceSummary } from "../api.ts";
import { milliseconds, number, plural } from "../format.ts";
import { useLoaded } from "../live.ts";
import { useRange } from "../range.ts";
import { address, go, tracesOf } from "../route.ts";
import { colour } from "../theme.ts";
import { Chart } from "./chart.tsx";
import { Markdown } from "./markdown.tsx";
import type { Drawing } from "./plot.ts";
import { RunnableQuery } from "./query.tsx";
import { AlarmBadge, Empty, Failure, Loading, Shape, Status, Time, toneOf, wordOf } from "./state.tsx";

const MARKS = { good: "✓", breaching: "!", missing: "–" } as const;
const MISSING: Record<string, string> = {
  notBreaching: "counts as good", breaching: "counts as breaching", ignore: "keeps the state", missing: "is left out",
};

/** The rule as a sentence. */
function ruleOf(alarm: AlarmDetail): string {
  if (alarm.rule) return alarm.rule;
  const missing = MISSING[alarm.treat_missing_data ?? "missing"] ?? "is left out";
  const { datapoints_to_alarm: needed, evaluation_periods: of, period_minutes: minutes } = alarm;
  return `In alarm when ${needed ?? "?"} of ${plural(of ?? 0, "period")} of ${plural(minutes ?? 1, "minute")} `
    + `${(needed ?? 2) === 1 ? "is" : "are"} ${alarm.comparison_sign ?? ""} ${number(alarm.threshold)}. A period without data ${missing}.`;
}

export function AlarmLine({ alarm }: { alarm: AlarmDetail }): JSX.Element {
  const drawing = useMemo((): Drawing => ({
    times: alarm.times,
    series: [{ label: "value", points: alarm.points }],
    stacked: false,
    lines: alarm.threshold === null ? [] : [{ label: `${alarm.comparison_sign ?? ""} ${number(alarm.threshold)}`, value: alarm.threshold, colour: colour("--alarm") }],
    marks: alarm.history.map(({ at, to }) => ({ label: wordOf(to), time: at })),
    shades: alarm.counted.map((counted) => counted === "breaching"),
  }), [alarm]);
  if (alarm.points.length === 0) return <Empty title="No value of its own">A composite alarm has the states of its parts.</Empty>;
  const offset = Math.max(0, alarm.counted.length - 60);
  return (
    <>
      <div class="alarm-chart"><Chart drawing={drawing} title={alarm.name} onPick={(index) => go(tracesOf(alarm.times, index))} /></div>
      <p class="hint">Red columns are periods that breach. Click the chart for that minute's traces. What each of the last periods counted as:</p>
      <div class="minutes" role="list" aria-label="Evaluated periods">
        {alarm.counted.slice(offset).map((counted, index) => (
          <span key={offset + index} role="listitem" class={counted} title={`${counted}: ${number(alarm.points[offset + index])}`}>
            <span aria-hidden="true">{MARKS[counted]}</span>
            <span class="unseen">{counted}</span>
          </span>
        ))}
      </div>
    </>
  );
}

/** The traces and lines of the last period that breached. */
function Evidence({ alarm }: { alarm: AlarmDetail }): JSX.Element | null {
  const index = alarm.counted.lastIndexOf("breaching");
  const until = alarm.times[index];
  const from = until === undefined ? undefined : alarm.times[Math.max(0, index - (alarm.period_minutes ?? 1))] ?? until - 60_000;
  const path = until === undefined ? null : "/api/traces";
  const traces = useLoaded<{ traces: TraceSummary[] }>(path, { from, until, limit: 60 });
  const lines = useLoaded<{ lines: LogLine[] }>(path && "/api/logs", { from, until, limit: 200 });
  if (from === undefined || until === undefined) return null;
  const worst = traces.value?.traces.toSorted((a, b) => Number(b.failed) - Number(a.failed) || b.duration_ms - a.duration_ms).slice(0, 6) ?? [];
  const bad = lines.value?.lines.filter(({ level }) => level === "ERROR" || level === "WARN").slice(-5) ?? [];
  return (
    <section class="card" aria-labelledby="evidence">
      <header>
        <h2 id="evidence">The last breaching period</h2>
        <a class="small" href={address("traces", null, { from, until })}>All its traces</a>
      </header>
      <div class="body scroll">
        <table class="trace-rows">
          <tbody>
            {worst.map((trace) => (
              <tr key={trace.id}>
                <td><Status status={trace.status} failed={trace.failed} /></td>
                <td><a href={address("traces", trace.xray_id)}>{trace.name}</a></td>
                <td class="muted">{trace.code ?? ""}</td>
                <td class="number">{milliseconds(trace.duration_ms)}</td>
              </tr>
            ))}
            {bad.map((line) => (
              <tr key={line.seq}>
                <td class="muted">{line.level}</td>
                <td colSpan={3} class="break"><a href={address("logs")}>{line.message}</a> <span class="muted">{String(line.fields["exception.message"] ?? "")}</span></td>
              </tr>
            ))}
          </tbody>
        </table>
        {worst.length + bad.length === 0 ? <Empty title="Nothing kept of it">No trace and no warning of these minutes is in memory.</Empty> : null}
      </div>
    </section>
  );
}

export function AlarmPage({ name, state, summary }: { name: string; state: State; summary: AlarmSummary | undefined }): JSX.Element {
  const { minutes, until } = useRange();
  const { value: alarm, error } = useLoaded<AlarmDetail>(`/api/alarms/${encodeURIComponent(name)}`, { minutes, until }, state.minute);
  if (error) return <Failure error={error} />;
  if (!alarm) return <div class="card"><Loading lines={8} /></div>;
  return (
    <div class="detail">
      <div class="stack">
        <section class="card">
          <div class="body stack">
            <div class="detail-title">
              <h2 data-detail={alarm.name} data-state={alarm.state}>{alarm.name}</h2>
              <AlarmBadge state={alarm.state} />
              {summary ? <span class="muted small">{summary.fires_within_minutes === null ? "a part of composite alarms" : summary.pages ? "pages" : "ticket"}{summary.fires_within_minutes ? ` · fires within ${plural(summary.fires_within_minutes, "minute")}` : ""}</span> : null}
            </div>
            <p>{alarm.description.replace(/\s*Runbook: \S+$/, "")}</p>
            <dl class="pairs">
              <dt>Reason</dt><dd>{alarm.reason || "It was not evaluated yet."}</dd>
              <dt>Rule</dt><dd class={alarm.rule ? "mono" : ""}>{ruleOf(alarm)}</dd>
            </dl>
            {alarm.kind === "metric" ? <AlarmLine alarm={alarm} /> : null}
            {alarm.parts.length ? (
              <ul class="alarm-tiles">
                {alarm.parts.map((part) => (
                  <li key={part.name}><a class={`tone-${toneOf(part.state)}`} href={address("alarms", part.name)}><Shape tone={toneOf(part.state)} /><span>{part.name}</span><small>{wordOf(part.state)}</small></a></li>
                ))}
              </ul>
            ) : null}
          </div>
        </section>
        <section class="card" aria-labelledby="history">
          <header><h2 id="history">History</h2></header>
          <div class="body">
            {alarm.history.length === 0 ? <Empty title="It has not changed yet" /> : (
              <ol class="history">
                {alarm.history.toSorted((a, b) => b.minute - a.minute).map((change) => (
                  <li key={`${change.minute} ${change.to}`}>
                    <Shape tone={toneOf(change.to)} />
                    <div><b>{wordOf(change.to)}</b> <span class="muted">from {wordOf(change.from)} · minute {change.minute} · <Time at={change.at} /></span><p class="muted break">{change.reason}</p></div>
                  </li>
                ))}
              </ol>
            )}
          </div>
        </section>
        <Evidence alarm={alarm} />
      </div>
      <div class="stack">
        {alarm.queries?.length ? (
          <section class="card" aria-labelledby="queries">
            <header><h2 id="queries">Queries of the runbook</h2></header>
            <ul class="body runs">{alarm.queries.map((query) => <RunnableQuery key={query.query} {...query} />)}</ul>
          </section>
        ) : null}
        <section class="card" aria-label="Runbook">
          <div class="body">
            {alarm.runbook_html ? <Markdown html={alarm.runbook_html} /> : <Empty title="No runbook">This alarm names none.</Empty>}
          </div>
        </section>
      </div>
    </div>
  );
}
