//! Markdown as HTML that is safe to show: HTML within it is text, and a link leads to the web or within the page.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

/// `link` says where a link leads in the page, if it leads anywhere.
pub(crate) fn html(text: &str, link: impl Fn(&str) -> Option<String>) -> String {
    let parser = Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    let mut leads = Vec::new();
    let events = parser.filter_map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        // An image would be loaded from elsewhere. Its text stays.
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let led = web(&dest_url).or_else(|| link(&dest_url));
            leads.push(led.is_some());
            led.map(|led| {
                let dest_url = CowStr::from(led);
                Event::Start(Tag::Link { link_type, dest_url, title, id })
            })
        }
        Event::End(TagEnd::Link) => leads.pop().unwrap_or(false).then_some(event),
        event => Some(event),
    });
    let mut shown = String::new();
    html::push_html(&mut shown, events);
    shown
}

fn web(link: &str) -> Option<String> {
    ["https://", "http://"].iter().any(|start| link.starts_with(start)).then(|| link.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_text_and_links_lead_to_the_web_or_within_the_page() {
        let link = |to: &str| (to == "page.md").then(|| "#/page".to_owned());
        let shown = html(
            "# A\n<script>x</script>\n\nx <b onclick=x> [a](javascript:x) [b](page.md) [c](https://d.example/) \
             ![e](https://f.example/)\n\n| a |\n|---|\n| b |\n",
            link,
        );
        for part in [
            "<h1>A</h1>",
            "&lt;script&gt;",
            "&lt;b onclick",
            "#/page",
            "https://d.example/",
            "<td>b",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        for part in ["<script", "<b ", "javascript:", "<img", "f.example"] {
            assert!(!shown.contains(part), "{part}: {shown}");
        }
    }
}
