// A chart over minutes, with its legend: the values at the crosshair, which all charts share, else the last ones.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { Exemplar } from "../api.ts";
import { clock, number, utc } from "../format.ts";
import { address } from "../route.ts";
import { useTheme } from "../theme.ts";
import type { Drawing, Placed } from "./plot.ts";
import { data, options } from "./plot.ts";

export function Chart({ drawing, title, onPick }: { drawing: Drawing; title: string; onPick?: (index: number) => void }): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(drawing);
  const [at, setAt] = useState<number | null>(null);
  const [placed, setPlaced] = useState<Placed[]>([]);
  const theme = useTheme();
  latest.current = drawing;
  // What can't be changed in a plot that is there: then it is made anew. New points alone are only set.
  const shape = JSON.stringify([drawing.series.map(({ label, axis }) => [label, axis]), drawing.stacked, drawing.left, drawing.right, drawing.lines, theme]);

  useEffect(() => {
    const element = place.current!;
    // The options read the drawing through this, so that new points need no new plot.
    const current: Drawing = Object.create(Object.prototype, Object.fromEntries(
      (Object.keys(latest.current) as (keyof Drawing)[]).map((name) => [name, { get: () => latest.current[name], enumerable: true }]),
    ));
    const made = new uPlot(options(current, setAt, setPlaced), data(latest.current), element);
    plot.current = made;
    const fit = () => made.setSize({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(fit);
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(data(drawing)), [drawing]);

  const largest = drawing.exemplars?.toSorted((a, b) => b.value - a.value)[0];
  const index = at !== null && at < drawing.times.length ? at : null;
  const time = index === null ? undefined : drawing.times[index];
  return (
    <div class="chart">
      <div class="plot" ref={place} role="img" aria-label={`${title}: ${summary(drawing)}`}
        onClick={() => index !== null && onPick?.(index)} />
      <ul class="legend">
        {largest ? <li><a href={address("traces", largest.trace_id)} title={saying(largest)}><i class="diamond" />Trace of {number(largest.value)}</a></li> : null}
        {drawing.series.map((series, order) => (
          <li key={series.label} title={series.label}>
            <i style={{ color: `var(--series-${(order % 8) + 1})` }} />
            <span>{series.label}</span>
            <b>{number(index === null ? series.last ?? lastOf(series.points) : series.points[index])}</b>
          </li>
        ))}
      </ul>
      <div class="exemplars">
        {placed.map(({ left, top, exemplar }) => (
          // The keyboard reaches the largest, in the legend.
          <a key={exemplar.trace_id} style={{ left: `${left}px`, top: `${top}px` }} href={address("traces", exemplar.trace_id)} tabIndex={-1} title={saying(exemplar)} aria-label={saying(exemplar)} data-exemplar={exemplar.trace_id} />
        ))}
      </div>
      {time === undefined ? null : <time class="when" title={utc(time)}>{clock(time)}</time>}
    </div>
  );
}

const saying = ({ value, what }: Exemplar) => `Trace of ${number(value)}${what ? `, ${what}` : ""}`;

const lastOf = (points: (number | null)[]) => points.findLast((point) => point !== null) ?? null;

const summary = (drawing: Drawing) =>
  drawing.series.map((series) => `${series.label} ${number(lastOf(series.points))}`).slice(0, 6).join(", ") || "no series";
