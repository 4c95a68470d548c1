// A dashboard's widget, as CloudWatch draws it.
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { LogWidget, MetricWidget, Series, Widget } from "../api.ts";
import { number } from "../format.ts";
import { address, go, tracesOf } from "../route.ts";
import { colour } from "../theme.ts";
import { Chart } from "./chart.tsx";
import { Markdown } from "./markdown.tsx";
import type { Drawing } from "./plot.ts";
import { Rows } from "./rows.tsx";
import { Empty, Shape, toneOf, wordOf } from "./state.tsx";

const Numbers = ({ series, unit }: { series: Series[]; unit: string | null | undefined }): JSX.Element => (
  <dl class="numbers">
    {series.map((one) => (
      <div key={one.label}>
        <dd>{number(one.last)}</dd>
        <dt>{one.label}{unit ? ` · ${unit}` : ""}</dt>
        {one.empty ? <dt class="why">{one.empty}</dt> : null}
      </div>
    ))}
  </dl>
);

function Gauge({ widget }: { widget: MetricWidget }): JSX.Element {
  const [low, high] = [widget.left?.min ?? 0, widget.left?.max ?? 100];
  const one = widget.series[0];
  const share = Math.min(1, Math.max(0, ((one?.last ?? low) - low) / (high - low || 1)));
  const end = Math.PI * (1 - share);
  return (
    <div class="gauge">
      <svg viewBox="0 0 120 70" role="img" aria-label={`${one?.label ?? ""} ${number(one?.last)}`}>
        <path class="gauge-back" d="M12 60a48 48 0 0 1 96 0" />
        <path class="gauge-front" d={`M12 60A48 48 0 0 1 ${60 + 48 * Math.cos(end)} ${60 - 48 * Math.sin(end)}`} />
        <text x="60" y="58" text-anchor="middle">{number(one?.last)}</text>
      </svg>
      <span class="muted small">{one?.label} · {number(low)} to {number(high)}</span>
    </div>
  );
}

function Metric({ widget, times }: { widget: MetricWidget; times: number[] }): JSX.Element {
  const drawing = useMemo((): Drawing => ({
    times,
    series: widget.series,
    stacked: widget.stacked,
    exemplars: widget.stacked ? [] : widget.exemplars ?? [],
    left: widget.left ?? null,
    right: widget.right ?? null,
    lines: (widget.annotations?.horizontal ?? []).map(({ label, value }) => ({ label: label ?? number(value), value, colour: colour("--alarm") })),
    marks: (widget.annotations?.vertical ?? []).map(({ label, time }) => ({ label: label ?? "", time })),
  }), [widget, times]);
  if (widget.empty) {
    return (
      <div class="nothing" tabIndex={0} role="region" aria-label={`Why ${widget.title ?? "this widget"} is empty`}>
        <Empty title="CloudWatch would show nothing">{widget.empty}</Empty>
      </div>
    );
  }
  if (widget.view === "singleValue") return <Numbers series={widget.series} unit={widget.left?.label} />;
  if (widget.view === "gauge") return <Gauge widget={widget} />;
  if (widget.view === "table") {
    return <Rows title={widget.title ?? "table"} columns={["series", "last"]} rows={widget.series.map(({ label, last }) => ({ series: label, last }))} />;
  }
  const without = widget.series.filter(({ empty }) => empty);
  return (
    <div class="drawn">
      {widget.left?.label ? <span class="axis-label">{widget.left.label}</span> : null}
      <Chart drawing={drawing} title={widget.title ?? "Chart"} onPick={(index) => go(tracesOf(times, index))} />
      {without.length ? (
        <p class="why" title={without.map(({ label, empty }) => `${label}: ${empty}`).join("\n")}>
          {without.length === widget.series.length ? "" : `${without.length} without data: `}{without[0]!.label}: {without[0]!.empty}
        </p>
      ) : null}
    </div>
  );
}

const Log = ({ widget }: { widget: LogWidget }): JSX.Element => (
  <div class="log-widget">
    <a class="small" href={address("logs", null, { query: widget.query })}>Open the query</a>
    {widget.rows.length ? <Rows title={widget.title ?? "query"} columns={widget.columns} rows={widget.rows} />
      : <Empty title="No lines">{widget.empty ?? "The query found nothing in this range."}</Empty>}
  </div>
);

export function WidgetCard({ widget, times }: { widget: Widget; times: number[] }): JSX.Element {
  const place = { "--x": widget.x + 1, "--w": widget.width, "--y": widget.y + 1, "--h": widget.height };
  return (
    <section class={`card widget widget-${widget.type} ${"view" in widget ? `view-${widget.view}` : ""}`} style={place} aria-label={widget.title ?? widget.type}>
      {widget.title ? <h2 title={widget.title}>{widget.title}</h2> : null}
      {widget.problems?.length ? (
        <div class="why tone-warn"><Shape tone="warn" /> {widget.problems.join(" · ")}</div>
      ) : null}
      <div class="widget-body">
        {widget.type === "metric" ? <Metric widget={widget} times={times} /> : null}
        {widget.type === "log" ? <Log widget={widget} /> : null}
        {widget.type === "text" ? <Markdown html={widget.markdown_html} /> : null}
        {widget.type === "alarm" ? (
          <ul class="alarm-tiles">
            {widget.alarms.map(({ name, state }) => (
              <li key={name}>
                <a class={`tone-${toneOf(state)}`} href={address("alarms", name)}><Shape tone={toneOf(state)} /><span>{name}</span><small>{wordOf(state)}</small></a>
              </li>
            ))}
          </ul>
        ) : null}
      </div>
    </section>
  );
}
