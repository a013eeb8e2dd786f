"""The pages of a sandbox, plain and accessible: what readers of a platform see, and the control port's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from surecast.clock import iso

if TYPE_CHECKING:
    import jinja2

    from surecast.sandbox.server import Post

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ heading }}</title>
<style>
  body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 0 auto; padding: 1rem; color: #1a1a1a;
         background: #fff; overflow-wrap: anywhere; }
  article { border-top: 1px solid #767676; padding: 1rem 0; }
  article h2 { font-size: 1rem; margin: 0; }
  article img { max-width: 100%; height: auto; }
  a { color: #00429d; }
</style>
</head>
<body>
<header>
<h1>{{ heading }}</h1>
<p>A simulated platform on this machine. Nobody else sees these posts.</p>
</header>
<main>
{% for post in posts %}
<article lang="{{ post.language or 'en' }}">
<h2 lang="en">@{{ post.author }}</h2>
<div>{{ post.html|safe }}</div>
{% for picture in post.pictures %}<p><img src="{{ picture.url }}" alt="{{ picture.alt }}"></p>
{% endfor %}<p lang="en"><a href="{{ post.url }}"><time datetime="{{ post.at|iso }}">{{ post.at|iso }}</time></a></p>
</article>
{% else %}
<p>There are no posts that readers can see.</p>
{% endfor %}
</main>
</body>
</html>
"""


_INDEX = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Simulated platforms</title>
</head>
<body>
<main>
<h1>Simulated platforms</h1>
<ul>
{% for name, url in platforms.items() %}
{% if url.startswith("http") %}
<li>{{ name }}: <a href="{{ url }}/">what readers of {{ name }} see</a></li>
{% else %}
<li>{{ name }}: {{ url }}</li>
{% endif %}
{% endfor %}
</ul>
<pre>{{ usage }}</pre>
</main>
</body>
</html>
"""


def page(heading: str, posts: Sequence[Post]) -> str:
    """Posts as readers see them; `Post.html` is the only thing that is not escaped here."""
    return _template(_PAGE).render(heading=heading, posts=posts)


def index(platforms: Mapping[str, str], usage: str) -> str:
    """The control port's own page: the platforms by name with their addresses, and how to use it."""
    return _template(_INDEX).render(platforms=platforms, usage=usage)


@cache
def _template(source: str) -> jinja2.Template:
    import jinja2  # noqa: PLC0415 - loaded when the first page is asked for

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    filters: dict[str, Any] = environment.filters
    filters["iso"] = iso
    return environment.from_string(source)
