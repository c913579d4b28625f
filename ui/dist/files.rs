// Written by ui/vite.config.ts with the files beside it.
&[
    File { path: "assets/icon-DV1svg9n.svg", content_type: "image/svg+xml", etag: "\"a56d8d9fbc09abd5f3232345dfef19ea\"", plain: include_bytes!("assets/icon-DV1svg9n.svg"), gzip: Some(include_bytes!("assets/icon-DV1svg9n.svg.gz")) },
    File { path: "assets/index-Ck-TtWRp.js", content_type: "text/javascript; charset=utf-8", etag: "\"a815d723dbd55634d9499a851f04beea\"", plain: include_bytes!("assets/index-Ck-TtWRp.js"), gzip: Some(include_bytes!("assets/index-Ck-TtWRp.js.gz")) },
    File { path: "assets/inter-latin-wght-normal-Dx4kXJAl.woff2", content_type: "font/woff2", etag: "\"3100e775e8616cd2611beecfa23a4263\"", plain: include_bytes!("assets/inter-latin-wght-normal-Dx4kXJAl.woff2"), gzip: None },
    File { path: "assets/style-DKo3NSXI.css", content_type: "text/css; charset=utf-8", etag: "\"ef7bef40bfd6066612836901ecf8f7cf\"", plain: include_bytes!("assets/style-DKo3NSXI.css"), gzip: Some(include_bytes!("assets/style-DKo3NSXI.css.gz")) },
    File { path: "index.html", content_type: "text/html; charset=utf-8", etag: "\"3bc6187b9b031ebf57bf87af2f86984a\"", plain: include_bytes!("index.html"), gzip: Some(include_bytes!("index.html.gz")) },
    File { path: "licences.txt", content_type: "text/plain; charset=utf-8", etag: "\"a5f0675f84c6a79f471538642633c4a1\"", plain: include_bytes!("licences.txt"), gzip: Some(include_bytes!("licences.txt.gz")) },
]
