// The map: what calls what, with rates, errors and latency on each way.
import type { JSX } from "preact";
import type { Edge, MapNode } from "../api.ts";
import { milliseconds, number, percent } from "../format.ts";
import { Shape, toneOfHealth } from "./state.tsx";

/** Where each node stands, in percent: [wide, narrow]. */
const PLACES: Record<string, [[number, number], [number, number]]> = {
  client: [[8, 50], [50, 7]],
  "load-balancer": [[35, 50], [50, 35]],
  service: [[64, 22], [26, 65]],
  "delete-handler": [[64, 78], [74, 65]],
  dynamodb: [[92, 50], [50, 94]],
};
const WORDS = { ok: "well", degraded: "degraded", down: "down", unknown: "no traffic" } as const;

function Way({ edge, layout }: { edge: Edge; layout: 0 | 1 }): JSX.Element | null {
  const [from, to] = [PLACES[edge.from]?.[layout], PLACES[edge.to]?.[layout]];
  if (!from || !to) return null;
  const [x1, y1, x2, y2] = [...from, ...to];
  const path = layout === 0
    ? `M${x1} ${y1}C${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2} ${x2} ${y2}`
    : `M${x1} ${y1}C${x1} ${(y1 + y2) / 2} ${x2} ${(y1 + y2) / 2} ${x2} ${y2}`;
  const flows = (edge.per_minute ?? 0) > 0;
  return (
    <g class={`way tone-${toneOfHealth(edge.health)}`}>
      <path d={path} vector-effect="non-scaling-stroke" />
      {flows ? <path class="flow" d={path} vector-effect="non-scaling-stroke" /> : null}
    </g>
  );
}

/** On which side of its way a label stands: outside, where no other way is. */
function sideOf([x1, y1]: [number, number], [x2, y2]: [number, number], layout: 0 | 1): string {
  if (layout === 1) return x1 + x2 < 100 ? "left" : "right";
  if (y1 === y2) return "above";
  return `${Math.min(y1, y2) < 50 ? "upper" : "lower"}-${x1 < 50 ? "left" : "right"}`;
}

function Label({ edge, layout }: { edge: Edge; layout: 0 | 1 }): JSX.Element | null {
  const [from, to] = [PLACES[edge.from]?.[layout], PLACES[edge.to]?.[layout]];
  if (!from || !to || edge.per_minute === null) return null;
  const bad = (edge.errors_percent ?? 0) > 0;
  return (
    <div class={`way-label ${sideOf(from, to, layout)}`} style={{ left: `${(from[0] + to[0]) / 2}%`, top: `${(from[1] + to[1]) / 2}%` }}>
      <b>{number(edge.per_minute)} <small>/min</small></b>
      <span class={bad ? "tone-alarm" : ""}>{bad ? <Shape tone="alarm" /> : null}{percent(edge.errors_percent)} <small>errors</small></span>
      <span>{milliseconds(edge.p99_ms)} <small>p99</small></span>
    </div>
  );
}

export function SystemMap({ nodes, edges }: { nodes: MapNode[]; edges: Edge[] }): JSX.Element {
  return (
    <div class="map">
      {([0, 1] as const).map((layout) => (
        <div class={`map-layout layout-${layout}`} key={layout}>
          <svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
            {edges.map((edge) => <Way key={`${edge.from} ${edge.to}`} edge={edge} layout={layout} />)}
          </svg>
          {edges.map((edge) => <Label key={`${edge.from} ${edge.to}`} edge={edge} layout={layout} />)}
          {nodes.map((node) => {
            const place = PLACES[node.id]?.[layout];
            if (!place) return null;
            // No way leads to the clients: they are as well as the way from them.
            const health = node.health === "unknown" ? edges.find(({ from }) => from === node.id)?.health ?? "unknown" : node.health;
            const tone = toneOfHealth(health);
            return (
              <div class={`node tone-${tone}`} key={node.id} style={{ left: `${place[0]}%`, top: `${place[1]}%` }}>
                <strong>{node.title}</strong>
                <span><Shape tone={tone} />{node.wanted === undefined || node.wanted === null
                  ? WORDS[health] : `${node.healthy ?? 0} of ${node.wanted} well`}</span>
                {node.notes?.map((note) => <small key={note}>{note}</small>)}
              </div>
            );
          })}
        </div>
      ))}
    </div>
  );
}
