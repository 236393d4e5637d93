import { column } from "./case-group.ts";
import type { CaseColumn } from "./case-group.ts";

/** Whole transforms, whose rows matter and not only their values. `columns` are those of `source`. */
export interface SelectCase {
  readonly name: string;
  readonly columns: Readonly<Record<string, CaseColumn>>;
  readonly selects: readonly string[];
}

export const SELECT_CASES: readonly SelectCase[] = [
  {
    name: "rows",
    columns: {
      id: column("int", "1", "2", "3", "4", null),
      a: column("array<int>", "array(10, NULL, 30)", "filter(array(1), x -> x > 1)", null, "array(7)", "array(5, 6)"),
      m: column("map<string,int>", "map('a', 1, 'b', 2)", null, "map('z', 26)", "map('q', cast(NULL AS int))", null),
      s: column(
        "array<struct<k:string,v:int>>",
        "array(named_struct('k', 'x', 'v', 1), named_struct('k', 'y', 'v', 2))",
        "array(named_struct('k', 'z', 'v', cast(NULL AS int)))",
        null,
        null,
        "filter(array(named_struct('k', 'x', 'v', 1)), e -> e.v > 5)",
      ),
    },
    selects: [
      "select * from source",
      "select id from source where id > 1",
      "select id from source where id > 1 or id is null",
      "select id, explode(a) from source",
      "select id, explode(a) as x from source where id <> 4",
      "select id, explode_outer(a) as x from source",
      "select id, posexplode(a) from source",
      "select id, posexplode(a) as (p, x) from source",
      "select id, posexplode_outer(a) as (p, x) from source where id < 4",
      "select id, explode(m) from source",
      "select id, explode_outer(m) as (name, n) from source",
      "select id, x from source lateral view explode(a) t as x",
      "select id, t.x, pos from source s lateral view outer posexplode(a) t as pos, x where x > 5 or x is null",
      "select id, x, e.k, e.v from source lateral view explode(a) t as x lateral view outer explode(s) u as e",
      "select id, k, v from source lateral view explode(m) e as k, v",
      "select id, x, y from source lateral view explode(array(id, id % 2)) t as x lateral view explode(array(x)) u as y where y is not null",
      "select id, explode(transform(filter(s, e -> e.v > 0), e -> e.k)) as k from source",
      "select id as source_id, id % 2 as odd, odd + 1 as next from source",
      "select t.* from source lateral view explode(m) t as k, v where v > 1",
      "select * except (a, m) from source where array_contains(a, 7)",
      "select id, explode(array(1, 2)) as n, size(a) as n_a from source",
      "select key, value from source lateral view explode(m) t",
      "select id, posexplode(m) from source",
    ],
  },
];
