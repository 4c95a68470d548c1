// Line icons of 16 pixels, drawn in the colour of the text beside them.
import type { JSX } from "preact";

const PATHS = {
  overview: "M2.5 8h3m5 0h3M8 2.5v3m0 5v3M6 6h4v4H6z",
  dashboards: "M2.5 2.5h5v6h-5zm7 0h4v3h-4zm0 5h4v6h-4zm-7 3h5v3h-5z",
  alarms: "M4 11V7a4 4 0 0 1 8 0v4l1.2 1.5H2.8zM6.8 14.2h2.4",
  traces: "M2.5 3.5h8M5 8h8.5M7.5 12.5h4",
  logs: "M2.5 3.5h11M2.5 6.5h7m-7 3h11m-11 3h8",
  requests: "M2.5 5.5h10M10 3l2.5 2.5L10 8m3.5 3h-10M6 8.5L3.5 11 6 13.5",
  practice: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zm0-3a3 3 0 1 0 0-6 3 3 0 0 0 0 6zm0-2.6v-.8",
  play: "M5 3.5v9l7.5-4.5z",
  pause: "M5 3.5v9m6-9v9",
  sun: "M8 10.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM8 1.5v1.3m0 10.4v1.3M1.5 8h1.3m10.4 0h1.3M3.4 3.4l.9.9m7.4 7.4.9.9m0-9.2-.9.9m-7.4 7.4-.9.9",
  moon: "M13 9.6A5.5 5.5 0 0 1 6.4 3a5.5 5.5 0 1 0 6.6 6.6z",
  bolt: "M9 1.8 3.8 9H8l-1 5.2L12.2 7H8z",
  controls: "M2.5 5h6m3 0h2m-11 6h2m3 0h6M10 3.5v3m-4 3v3",
  close: "M4 4l8 8m0-8-8 8",
  down: "M4 6l4 4 4-4",
  info: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zm0-3.2V7.5m0-2.4v-.1",
} as const;
export type IconName = keyof typeof PATHS;

export const Icon = ({ name }: { name: IconName }): JSX.Element => (
  <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
    <path d={PATHS[name]} fill="none" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round" />
  </svg>
);
