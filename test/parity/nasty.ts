import { gzipSync, zstdCompressSync } from "node:zlib";
import type { PipelineDefinition } from "../../src/index.ts";

/** Datasets with one of everything that can be wrong with a file, and of everything that may look so. */
export const NASTY: PipelineDefinition["datasets"] = {
  orders: {
    columns: {
      id: { type: "int", from: "Order ID", nullable: false },
      name: "string",
      big: "bigint",
      price: "decimal(12,2)",
      huge: "decimal(30,5)",
      ratio: "double",
      paid: "boolean",
      day: "date",
      at: "timestamp",
      tags: "string",
    },
    source: { missingColumns: "null" },
    rules: { "price is not negative": "price is null or price >= 0", "ratio below 100": "coalesce(ratio, 0) < 100" },
    transform: "select *, upper(name) as loud, coalesce(price, 0) * 2 as twice from source where id <> 13",
    rejectLimit: "60 %",
  },
  cities: {
    columns: { city: "string", day: { type: "date", format: "dd.MM.yyyy" }, n: "bigint", open: "boolean" },
    source: { nullText: ["NULL", "-"] },
    partitionBy: ["city", "day", "open"],
  },
  latin: {
    source: { encoding: "latin-1", delimiter: ";", header: false },
    columns: { id: "int", text: "string" },
    transform: "select id, explode(split(text, '[|]')) as part from source",
    rejectLimit: 0.5,
  },
  events: {
    source: { format: "json" },
    columns: {
      id: { type: "bigint", nullable: false },
      who: { type: "string", from: "user.name" },
      scores: "array<double>",
      where: "struct<lat:double,lon:double,names:array<string>>",
      labels: "map<string,int>",
      at: { type: "timestamp", format: "unix_millis" },
    },
    rules: { "id is positive": "id > 0" },
    rejectLimit: 0.8,
  },
  records: {
    source: { format: "parquet" },
    columns: {
      id: { type: "int", nullable: false },
      name: "string",
      price: "decimal(10,2)",
      at: "timestamp",
      list: "array<int>",
    },
    rules: { "id is positive": "id > 0" },
    rejectLimit: 0.8,
  },
  items: { source: { format: "json", layout: "array" }, columns: { a: "int", b: "string" }, rejectLimit: 0.5 },
};

const ORDER_HEADER = "Order ID,name,big,price,huge,ratio,paid,day,at,tags";

const csv = (header: string, rows: readonly string[], end = "\n") => [header, ...rows, ""].join(end);

const PLAIN = [
  "1,Ann,1,1.005,1.5,0.1,true,2026-01-02,2026-01-02T03:04:05.123456Z,[1]",
  '2,"Bob, the ""second""",-9223372036854775808,-0.00,12345678901234567890.12345,1e-7,N,0001-01-01,2026-01-02 03:04,"[1, null, 3]"',
  "3,,,,,,,,,",
  "4, spaced ,+5,7,0,-0.0,1,9999-12-31,2026-01-02T03:04:05+05:30,[]",
  "13,unlucky,0,0,0,0,0,2026-02-28,2026-01-02,",
];

const BAD = [
  "x,bad int,1,1,1,1,true,2026-01-02,,",
  ",no id,1,1,1,1,true,2026-01-02,,",
  "5,bad many,1e3,1.2.3,1,NaN,maybe,2026-02-30,yesterday,[1",
  "6,negative,1,-1,1,1000,true,2026-01-02,,",
  "2147483648,too large,9223372036854775808,12345678901.00,1,1e999,t,2026-1-2,2026-01-02 25:00:00,{}",
];

/** Files of each dataset by key, in the order in which they are dropped. */
export const NASTY_FILES: readonly (readonly [string, string | Buffer])[] = [
  ["orders/plain.csv", csv(ORDER_HEADER, PLAIN)],
  ["orders/bad.csv", csv(ORDER_HEADER, [...PLAIN, ...BAD])],
  ["orders/crlf.csv", csv(ORDER_HEADER, [...PLAIN, ...BAD], "\r\n")],
  ["orders/cr.csv", csv(ORDER_HEADER, PLAIN, "\r")],
  ["orders/marked.csv", `\ufeff${csv(ORDER_HEADER, PLAIN)}`],
  ["orders/packed.csv.gz", gzipSync(csv(ORDER_HEADER, [...PLAIN, ...BAD]))],
  ["orders/packed.csv.zst", zstdCompressSync(csv(ORDER_HEADER, [...PLAIN, ...BAD]))],
  [
    "orders/members.csv.gz",
    Buffer.concat([gzipSync(csv(ORDER_HEADER, PLAIN)), gzipSync("7,x,,,,,,,,\n"), Buffer.alloc(9)]),
  ],
  ["orders/lines in quotes.csv", csv("Order ID,name", ['1,"a\nb"', '2,"c\r\nd"', "3,plain", 'x,"e\nf"', '4,""'])],
  ["orders/lines in quotes crlf.csv", csv("ORDER ID,Name", ['1,"a\nb"', '2,"c\r\nd"', "3,plain"], "\r\n")],
  ["orders/structure.csv", csv("Order ID,name", ["1,a", "2", "3,b,c", '4,"d" x', '5,"e', "6,f,,,", '7, "g"  ', "8,h"])],
  ["orders/blank lines.csv", "\n\nOrder ID,name\n\n1,a\n\n\n2,b\n\n"],
  ["orders/other order.csv", csv(" name ,day,Order ID", ["a,2026-01-01,1", ",,2"])],
  ["orders/no end.csv", "Order ID,name\n1,a\n2,b"],
  ["orders/nul.csv", csv("Order ID,name", ["1,a\u0000b", "\u00002,c"])],
  ["orders/unicode é 日本 [x]*?{a}.csv", csv("Order ID,name", ["1,日本語", "2,e\u0301 👍🏽", "z,😀"])],
  ["orders/too many.csv", csv(ORDER_HEADER, [...PLAIN.slice(0, 1), ...BAD])],
  ["orders/all bad.csv", csv("Order ID,name", ["x,1", "y,2"])],
  ["orders/unknown column.csv", csv("Order ID,colour", ["1,red"])],
  ["orders/lacks id.csv", csv("name,day", ["a,2026-01-01"])],
  ["orders/twice.csv", csv("Order ID,name,NAME", ["1,a,b"])],
  ["orders/header only.csv", `${ORDER_HEADER}\n`],
  ["orders/empty.csv", ""],
  ["orders/newlines only.csv", "\n\n\r\n"],
  ["orders/utf-16.csv", Buffer.from(`\ufeff${csv(ORDER_HEADER, PLAIN)}`, "utf16le")],
  [
    "orders/not utf-8.csv",
    Buffer.concat([Buffer.from(csv("Order ID,name", ["1,a", "2", "3,b"])), Buffer.from([0x34, 0x2c, 0xe9, 0x0a])]),
  ],
  ["orders/header not utf-8.csv", Buffer.from("Order ID,n\xe9me\n1,a\n", "latin1")],
  ["orders/cut.csv.gz", gzipSync(csv(ORDER_HEADER, PLAIN)).subarray(0, -9)],
  ["orders/not packed.csv.gz", csv(ORDER_HEADER, PLAIN)],
  ["orders/packed as.csv", gzipSync(csv(ORDER_HEADER, PLAIN))],
  ["orders/twice packed.csv.gz", gzipSync(gzipSync(csv(ORDER_HEADER, PLAIN)))],
  ["orders/nothing.csv.gz", gzipSync("")],
  ["orders/cut.csv.zst", zstdCompressSync(csv(ORDER_HEADER, PLAIN)).subarray(0, -9)],

  [
    "cities/odd.csv",
    csv(
      "city,day,n,open",
      [
        "a/b",
        "x=y",
        "100%",
        "é",
        " ",
        "",
        '""',
        "-",
        "..",
        "a b",
        "*?[]{}",
        "日本",
        "a:b",
        "#",
        "'q'",
        '"""q"""',
        "\\",
        "a+b&c",
        "~",
        "%2F",
        '"l\nf"',
      ].flatMap((city, n) => [`${city},01.02.2026,${n},yes`, `${city},NULL,,`, `${city},29.02.2024,${n},f`]),
    ),
  ],
  [
    "cities/bad.csv",
    csv("city,day,n,open", ["a,2026-02-01,1,true", ...Array.from({ length: 20 }, (_, n) => `b,03.04.2026,${n},no`)]),
  ],

  ["latin/a.csv", Buffer.from('1;caf\xe9|th\xe9\n2;"\xe9;\n\xe0"\n3;x\nx;\xfc\n4;\n', "latin1")],
  ["latin/mark.csv", Buffer.from("\xef\xbb\xbf1;a\n2;b\n", "latin1")],

  [
    "events/a.jsonl",
    [
      '{"id":1,"user":{"name":"Ann"},"scores":[1,2.5,null,1e3],"where":{"lat":1.5,"lon":-2,"names":["a",null]},"labels":{"a":1,"b":null},"at":1700000000123}',
      '{"id":2}',
      "  ",
      '{"id":"3","user":null,"scores":[],"where":{},"labels":{},"at":"0"}',
      '{"id":4,"user":{"name":"\\u00e9\\n\\ud83d\\ude00"},"scores":null}',
      '{"user":{"name":"no id"}}',
      '{"id":-5,"user":{"name":12.50}}',
      '{"id":6,"scores":["x"]}',
      '{"id":7,"where":[1]}',
      '{"id":8,"labels":{"a":"b"}}',
      '{"id":1.5}',
      "[1]",
      "nonsense",
      '{"id":9,}',
      '{"id":10,"scores":[NaN]}',
      '{"id":11} {"id":12}',
    ].join("\n"),
  ],
  ["events/good.jsonl.gz", gzipSync('{"id":21}\r\n{"id":22,"scores":[0.1]}\r\n')],
  ["events/marked.jsonl", '\ufeff{"id":31}\n{"id":32}\n'],
  ["events/blank.jsonl", "\n \n"],
  [
    "events/not utf-8.jsonl",
    Buffer.concat([Buffer.from('{"id":41}\n{"id":42,"user":{"name":"'), Buffer.from([0xe9]), Buffer.from('"}}\n')]),
  ],

  ["items/a.json", '[{"a":1,"b":"x"},\n {"a":"2",\n  "b":"y"}, {"a":"z","b":"bad"}, 5, {"b":null}]'],
  ["items/empty.json", "[]"],
  ["items/cut.json", '[{"a":1},'],
  ["items/object.json", '{"a":1}'],
];

/** Dropped when the others are loaded: new versions of some of them. */
export const NASTY_REWRITES: readonly (readonly [string, string | Buffer])[] = [
  ["orders/plain.csv", csv("Order ID,name", ["101,again"])],
  ["orders/crlf.csv", csv("Order ID,name", ["x,now bad", "y,too"])],
];
