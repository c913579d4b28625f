// Written by ui/vite.config.ts with the files beside it.
&[
    File { path: "assets/icon-DV1svg9n.svg", content_type: "image/svg+xml", etag: "\"a56d8d9fbc09abd5f3232345dfef19ea\"", plain: include_bytes!("assets/icon-DV1svg9n.svg"), gzip: Some(include_bytes!("assets/icon-DV1svg9n.svg.gz")) },
    File { path: "assets/index-C3hw8b6j.js", content_type: "text/javascript; charset=utf-8", etag: "\"7af3ffa1ae82b50ca9c7138b7b4d739f\"", plain: include_bytes!("assets/index-C3hw8b6j.js"), gzip: Some(include_bytes!("assets/index-C3hw8b6j.js.gz")) },
    File { path: "assets/inter-latin-wght-normal-Dx4kXJAl.woff2", content_type: "font/woff2", etag: "\"3100e775e8616cd2611beecfa23a4263\"", plain: include_bytes!("assets/inter-latin-wght-normal-Dx4kXJAl.woff2"), gzip: None },
    File { path: "assets/style-BKT1dIef.css", content_type: "text/css; charset=utf-8", etag: "\"ef788397f2e8687190b390f432bc46f0\"", plain: include_bytes!("assets/style-BKT1dIef.css"), gzip: Some(include_bytes!("assets/style-BKT1dIef.css.gz")) },
    File { path: "index.html", content_type: "text/html; charset=utf-8", etag: "\"84f3ad22201f5b311f5a81fafc312f0a\"", plain: include_bytes!("index.html"), gzip: Some(include_bytes!("index.html.gz")) },
    File { path: "licences.txt", content_type: "text/plain; charset=utf-8", etag: "\"a5f0675f84c6a79f471538642633c4a1\"", plain: include_bytes!("licences.txt"), gzip: Some(include_bytes!("licences.txt.gz")) },
]
