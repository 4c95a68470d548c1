// What could be seen in a practice that was saved: its metrics, traces and lines.
import type { JSX } from "preact";
import { milliseconds } from "../format.ts";
import type { Seen } from "../saved.ts";
import { Lines } from "./lines.tsx";
import { Empty, Shape, Time } from "./state.tsx";
import { Waterfall } from "./waterfall.tsx";
import { WidgetCard } from "./widget.tsx";

const failed = (trace: Seen["traces"][number]) => trace.spans.some((span) => span.failed);

export const Evidence = ({ seen: { dashboard, lines, traces } }: { seen: Seen }): JSX.Element => (
  <section class="evidence stack" aria-labelledby="evidence">
    <h2 id="evidence">What could be seen</h2>
    <div class="grid-24">{dashboard.widgets.map((widget, index) => <WidgetCard key={index} widget={widget} times={dashboard.times} />)}</div>
    <div class="card">
      <header><h3>Traces</h3></header>
      {traces.length ? traces.map((trace) => (
        <details key={trace.id}>
          <summary><Shape tone={failed(trace) ? "alarm" : "ok"} /> <b>{trace.spans[0]?.name}</b> <span class="muted">{failed(trace) ? "failed · " : ""}{milliseconds(trace.duration_ms)} · <Time at={trace.start} fine /></span></summary>
          <Waterfall spans={trace.spans} />
        </details>
      )) : <Empty title="None kept" />}
    </div>
    <div class="card">
      <header><h3>Log lines</h3></header>
      {lines.length ? <div class="tail" tabIndex={0} role="region" aria-label="Log lines"><Lines lines={lines} /></div> : <Empty title="None kept" />}
    </div>
  </section>
);
