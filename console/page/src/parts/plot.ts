// uPlot's options for one chart. The x axis counts minutes, so that a paused or faster clock leaves no gaps.
import uPlot from "uplot";
import type { Axis, Exemplar, Series } from "../api.ts";
import { clock, number } from "../format.ts";
import { colour, mix } from "../theme.ts";

export interface Line { label: string; value: number; colour: string }
export interface Drawing {
  times: number[];
  series: Series[];
  stacked: boolean;
  left?: Axis | null;
  right?: Axis | null;
  lines: Line[];
  marks: { label: string; time: number }[];
  /** Columns behind the lines, as the minutes of an alarm that breached. */
  shades?: boolean[];
  /** Values that lead to a trace. */
  exemplars?: Exemplar[];
}

/** An exemplar, in pixels from the plot's corner. */
export interface Placed { left: number; top: number; exemplar: Exemplar }

export const seriesColour = (index: number): string => colour(`--series-${(index % 8) + 1}`);

/** Each series on top of those before it. Where none has a point, there is a gap. */
function stack(series: Series[]): (number | null)[][] {
  const sums: number[] = [];
  const any = (at: number) => series.some(({ points }) => points[at] !== null && points[at] !== undefined);
  return series.map(({ points }) =>
    points.map((point, at) => {
      sums[at] = (sums[at] ?? 0) + (point ?? 0);
      return any(at) ? sums[at] : null;
    }));
}

/** Points without a neighbour: no line leads to them, so a dot is drawn. */
function alone(values: ArrayLike<number | null | undefined>): number[] {
  const found: number[] = [];
  for (let at = 0; at < values.length; at++) {
    if (values[at] != null && values[at - 1] == null && values[at + 1] == null) found.push(at);
  }
  return found;
}

export function data(drawing: Drawing): uPlot.AlignedData {
  const x = drawing.times.map((_, index) => index);
  const values = drawing.stacked ? stack(drawing.series) : drawing.series.map(({ points }) => points);
  // In a stack the last series is the highest: it is drawn first, so that those below stay visible.
  return [x, ...(drawing.stacked ? values.toReversed() : values)] as uPlot.AlignedData;
}

function scale(axis: Axis | null | undefined, lines: Line[]): uPlot.Scale {
  return {
    range: (_, low, high) => {
      const values = lines.map(({ value }) => value);
      const from = Math.min(low ?? 0, ...values);
      const to = Math.max(high ?? 1, ...values);
      const room = (to - from || Math.abs(to) || 1) * 0.08;
      return [axis?.min ?? (from >= 0 ? 0 : from - room), axis?.max ?? to + room];
    },
  };
}

/** Labels of a value's axis. */
const ticks = (_: uPlot, values: number[]) => values.map((value) => number(value));

function over(plot: uPlot, drawing: Drawing) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.font = `${11 * ratio}px Inter, sans-serif`;
  ctx.textBaseline = "bottom";
  for (const line of drawing.lines) {
    const y = plot.valToPos(line.value, "left", true);
    if (y < bbox.top - 1 || y > bbox.top + bbox.height + 1) continue;
    ctx.strokeStyle = ctx.fillStyle = line.colour;
    ctx.lineWidth = 1.25 * ratio;
    ctx.setLineDash([5 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.textAlign = "right";
    const below = y - 14 * ratio < bbox.top;
    ctx.fillText(line.label, bbox.left + bbox.width - 4 * ratio, below ? y + 15 * ratio : y - 2 * ratio);
  }
  ctx.setLineDash([2 * ratio, 3 * ratio]);
  ctx.strokeStyle = ctx.fillStyle = colour("--muted");
  for (const mark of drawing.marks) {
    const index = drawing.times.findIndex((time) => time >= mark.time);
    if (index < 0 || mark.time < drawing.times[0]!) continue;
    const x = plot.valToPos(index, "x", true);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.textAlign = x > bbox.left + bbox.width / 2 ? "right" : "left";
    ctx.fillText(mark.label, x + (ctx.textAlign === "right" ? -4 : 4) * ratio, bbox.top + 14 * ratio);
  }
  ctx.restore();
}

function under(plot: uPlot, shades: boolean[]) {
  const { ctx, bbox } = plot;
  const width = bbox.width / Math.max(1, (plot.data[0]?.length ?? 1) - 1);
  ctx.save();
  ctx.fillStyle = colour("--alarm-soft");
  // Neighbours as one column: no seams.
  for (let first = 0; first < shades.length; first++) {
    if (!shades[first]) continue;
    let last = first;
    while (shades[last + 1]) last++;
    const from = Math.max(bbox.left, plot.valToPos(first, "x", true) - width / 2);
    const to = Math.min(bbox.left + bbox.width, plot.valToPos(last, "x", true) + width / 2);
    ctx.fillRect(from, bbox.top, to - from, bbox.height);
    first = last;
  }
  ctx.restore();
}

/** Those that are within the axes: they do not stretch them, so that the lines are as CloudWatch draws them. */
function placed(plot: uPlot, exemplars: Exemplar[]): Placed[] {
  const [left, top] = [plot.bbox.left / devicePixelRatio, plot.bbox.top / devicePixelRatio];
  const { min, max } = plot.scales["left"]!;
  return exemplars.filter(({ value }) => value >= (min ?? 0) && value <= (max ?? 0)).map((exemplar) => ({
    left: left + plot.valToPos(exemplar.index, "x"), top: top + plot.valToPos(exemplar.value, "left"), exemplar,
  }));
}

export function options(drawing: Drawing, onCursor: (index: number | null) => void, onPlaced: (all: Placed[]) => void): uPlot.Options {
  const muted = colour("--muted");
  const grid = { stroke: colour("--line"), width: 1 };
  const font = "11px Inter, sans-serif";
  const shown = drawing.stacked ? drawing.series.toReversed() : drawing.series;
  const right = drawing.series.some(({ axis }) => axis === "right");
  const of = (series: Series): uPlot.Series => {
    const stroke = seriesColour(drawing.series.indexOf(series));
    return {
      label: series.label,
      scale: series.axis === "right" ? "right" : "left",
      stroke,
      width: 1.5,
      ...(drawing.stacked ? { fill: mix(`color-mix(in srgb, ${stroke} 32%, var(--surface))`) } : {}),
      points: { show: true, size: 5, fill: stroke, filter: (plot, at) => alone(plot.data[at] ?? []) },
    };
  };
  const axis = { stroke: muted, font, ticks: { show: false }, grid } as const;
  return {
    width: 100,
    height: 100,
    legend: { show: false },
    padding: [8, right ? 0 : 8, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 }, sync: { key: "minutes", scales: ["x", null] } },
    scales: {
      x: { time: false, range: (_, low, high) => [low ?? 0, Math.max(high ?? 1, (low ?? 0) + 1)] },
      left: scale(drawing.left, drawing.lines),
      ...(right ? { right: scale(drawing.right, []) } : {}),
    },
    axes: [
      { ...axis, grid: { show: false }, size: 22, space: 70, incrs: [1, 2, 5, 10, 15, 30, 60, 120, 240, 480],
        values: (_, splits) => splits.map((index) => (drawing.times[index] === undefined ? "" : clock(drawing.times[index]))) },
      { ...axis, scale: "left", size: 48, space: 28, values: ticks },
      ...(right ? [{ ...axis, scale: "right", side: 1 as const, size: 48, space: 28, grid: { show: false }, values: ticks }] : []),
    ],
    series: [{}, ...shown.map(of)],
    hooks: {
      drawClear: drawing.shades ? [(plot) => under(plot, drawing.shades!)] : [],
      draw: [(plot) => over(plot, drawing), (plot) => onPlaced(placed(plot, drawing.exemplars ?? []))],
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
    },
  };
}
