// Light or dark: as the reader's system says, until the reader says otherwise.
import { useEffect, useState } from "preact/hooks";

export type Theme = "light" | "dark";
const KEY = "picus-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

const chosen = (): Theme | null => {
  const value = localStorage.getItem(KEY);
  return value === "light" || value === "dark" ? value : null;
};
export const currentTheme = (): Theme => chosen() ?? (dark.matches ? "dark" : "light");

function apply() {
  document.documentElement.dataset["theme"] = currentTheme();
  listeners.forEach((told) => told());
}
dark.addEventListener("change", apply);
apply();

export function setTheme(theme: Theme): void {
  localStorage.setItem(KEY, theme);
  apply();
}

export function useTheme(): Theme {
  const [theme, set] = useState(currentTheme());
  useEffect(() => {
    const told = () => set(currentTheme());
    listeners.add(told);
    return () => void listeners.delete(told);
  }, []);
  return theme;
}

/** A colour of `tokens.css` as a canvas understands it. */
export const colour = (name: string): string => mix(`var(${name})`);

export function mix(css: string): string {
  const probe = document.createElement("span");
  probe.style.color = css;
  document.documentElement.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}
