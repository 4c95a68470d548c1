// The console's HTTP interface: every answer's type, and the way to ask.

export type Health = "ok" | "degraded" | "down" | "unknown";
export type AlarmState = "OK" | "ALARM" | "INSUFFICIENT_DATA";
export type Point = number | null;
export type Json = Record<string, unknown>;

export interface State {
  minute: number;
  at: number;
  oldest_minute: number;
  clock: { running: boolean; seconds_per_minute: number };
  traffic: { level: string; levels: string[] };
  faults: { name: string; title: string; on: boolean }[];
  alarms: { ok: number; alarm: number; insufficient_data: number; on: string[] };
  system: { load_balancer: string; dynamodb: string; revision: number; revision_before: number | null; tasks: { pid: number; address: string; metrics: string }[] };
  practice: PracticeRun | null;
}

export interface Edge {
  from: string;
  to: string;
  per_minute: Point;
  errors_percent: Point;
  p50_ms: Point;
  p99_ms: Point;
  health: Health;
}
export interface MapNode {
  id: string;
  title: string;
  health: Health;
  notes?: string[];
  healthy?: number;
  wanted?: number;
}
export interface Slo {
  title: string;
  budget_left_percent?: Point;
  objective_percent?: Point;
  attained_percent?: Point;
  good?: Point;
  total?: Point;
  window_minutes: number;
}
export interface Overview {
  from: number;
  until: number;
  nodes: MapNode[];
  edges: Edge[];
  slos: Slo[];
  clients: { sent: Point; failed: Point; gave_up: Point; failed_percent: Point; slis_failed_percent: Point };
  alarms_on: { name: string; since: number; minute: number; reason: string }[];
}

export interface Axis { label?: string | null; min?: Point; max?: Point }
export interface Series {
  label: string;
  color?: string | null;
  axis?: "left" | "right";
  points: Point[];
  last?: Point;
  empty?: string | null;
}
export interface Place { x: number; y: number; width: number; height: number; title?: string | null; problems?: string[] }
/** A measured value, its minute's place on the chart, and its trace. */
export interface Exemplar { index: number; value: number; trace_id: string; what: string | null }
export interface MetricWidget extends Place {
  type: "metric";
  view: "timeSeries" | "singleValue" | "gauge" | "table";
  stacked: boolean;
  left?: Axis | null;
  right?: Axis | null;
  annotations?: {
    horizontal?: { label?: string | null; value: number; color?: string | null }[];
    vertical?: { label?: string | null; minute?: number; time: number; color?: string | null }[];
  };
  series: Series[];
  exemplars?: Exemplar[];
  empty?: string | null;
}
export interface TextWidget extends Place { type: "text"; markdown_html: string }
export interface AlarmWidget extends Place { type: "alarm"; alarms: { name: string; state: AlarmState | null }[] }
export interface LogWidget extends Place {
  type: "log";
  view: string;
  query: string;
  columns: string[];
  rows: Json[];
  empty?: string | null;
}
export type Widget = MetricWidget | TextWidget | AlarmWidget | LogWidget;
export interface Dashboard {
  name: string;
  from: number;
  until: number;
  times: number[];
  problems: string[];
  widgets: Widget[];
}

export interface AlarmSummary {
  name: string;
  state: AlarmState;
  since_minute: number | null;
  since: number | null;
  reason: string;
  kind: "metric" | "composite";
  description: string;
  pages: boolean;
  fires_within_minutes: number | null;
  runbook: string | null;
}
export interface AlarmDetail {
  name: string;
  state: AlarmState;
  reason: string;
  description: string;
  kind: "metric" | "composite";
  rule: string | null;
  comparison: string | null;
  comparison_sign: string | null;
  threshold: number | null;
  evaluation_periods: number | null;
  datapoints_to_alarm: number | null;
  period_minutes: number | null;
  treat_missing_data: string | null;
  times: number[];
  points: Point[];
  counted: ("missing" | "good" | "breaching")[];
  history: { minute: number; at: number; from: AlarmState; to: AlarmState; reason: string }[];
  parts: { name: string; state: AlarmState }[];
  runbook?: string | null;
  runbook_html?: string | null;
  queries?: { title: string; query: string }[];
}

export interface TraceSummary {
  id: string;
  xray_id: string;
  name: string;
  route: string | null;
  service: string;
  status: number | null;
  code: string | null;
  start: number;
  duration_ms: number;
  spans: number;
  failed: boolean;
}
export interface Span {
  id: string;
  parent: string;
  name: string;
  service: string;
  kind: string;
  start_ms: number;
  duration_ms: number;
  depth: number;
  failed: boolean;
  attributes: Json;
  events: { name: string; attributes?: Json }[];
}
export interface Trace { name: string; id: string; xray_id: string; start: number; duration_ms: number; spans: Span[]; lines: LogLine[] }
export interface LogLine {
  seq: number;
  at: number;
  stream: string;
  level: string;
  message: string;
  fields: Json;
  text: string;
}
export interface QueryAnswer { columns: string[]; rows: Json[]; scanned: number; error: string | null }
export interface NamedQuery { title: string; query: string; from: string }
export interface RequestAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
  took_ms: number;
  trace_id: string | null;
  xray_id: string | null;
  curl: string;
}

export interface PracticeRun {
  scenario: string;
  began_minute: number;
  paged_minute: number | null;
  acknowledged_minute: number | null;
  cause_minute: number | null;
  mended_minute: number | null;
  /** Whether a minute has passed since the mend in which no request failed. */
  well: boolean;
  answers: { minute: number; causes: string[]; right: boolean }[];
  acts: { minute: number; action: string; note: string }[];
  over: null | {
    solved: boolean;
    minutes_to_acknowledge: number | null;
    minutes_to_cause: number | null;
    minutes_to_mend: number | null;
    shortest_way: string;
    users_lost: number;
    causes: string[];
    explanation_html: string;
  };
}
export interface Titled { id: string; title: string }
export interface Practice {
  scenarios: (Titled & { difficulty: string })[];
  causes: Titled[];
  actions: Titled[];
  run: PracticeRun | null;
}

/** An error with a text for the reader. */
export class Refused extends Error {}

async function answer<T>(response: Response): Promise<T> {
  const body: unknown = await response.json().catch(() => null);
  if (response.ok) return body as T;
  const told = (body as { error?: string } | null)?.error;
  throw new Refused(told ?? `The console answered ${response.status}.`);
}

async function send(path: string, options?: RequestInit): Promise<Response> {
  try {
    return await fetch(path, options);
  } catch {
    throw new Refused("The console does not answer. Is `cargo run` still running?");
  }
}

/** Asks with the parameters that have a value. */
export async function get<T>(path: string, parameters: Record<string, string | number | null | undefined> = {}): Promise<T> {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return answer<T>(await send(given.length ? `${path}?${query}` : path));
}

let token: Promise<string> | undefined;
const newToken = async () => (await get<{ token: string }>("/api/session")).token;

/** Changes something. A restarted system has another token: then it asks for that one, once. */
export async function post<T>(path: string, body: unknown): Promise<T> {
  const once = async () => {
    token ??= newToken();
    const held = token;
    const headers = { "Content-Type": "application/json", "X-Picus-Token": await held.catch((error) => {
      token = undefined;
      throw error;
    }) };
    return send(path, { method: "POST", headers, body: JSON.stringify(body) });
  };
  const first = await once();
  if (first.status !== 403) return answer<T>(first);
  token = undefined;
  return answer<T>(await once());
}
