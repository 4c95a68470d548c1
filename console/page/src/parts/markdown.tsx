// HTML that the server made of our own Markdown: the one place where the page inserts HTML. The server escapes what is
// HTML in the Markdown itself.
import type { JSX } from "preact";

export const Markdown = ({ html }: { html: string }): JSX.Element => (
  <div class="markdown" dangerouslySetInnerHTML={{ __html: html }}
    onClick={(event) => {
      const link = event.target instanceof Element ? event.target.closest("a") : null;
      // The web opens beside the console, which would lose what it shows.
      if (link && /^https?:/.test(link.getAttribute("href") ?? "")) {
        link.target = "_blank";
        link.rel = "noopener noreferrer";
      }
    }} />
);
