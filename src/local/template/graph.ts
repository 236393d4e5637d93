/** Order of resources: each after those it depends on, otherwise as in the template. */
export type Order =
  | { readonly order: readonly string[]; readonly cycle?: undefined }
  | { readonly cycle: readonly string[]; readonly order?: undefined };

/**
 * Sorts resources by dependency. `dependencies` gives, for each logical id, those it needs; names that are not in the
 * map are not looked at. A cycle comes back as the full way round: `[A, B, C, A]`.
 */
export function dependencyOrder(dependencies: ReadonlyMap<string, ReadonlySet<string>>): Order {
  const order: string[] = [];
  const state = new Map<string, "visiting" | "done">();
  const trail: string[] = [];

  const visit = (id: string): string[] | undefined => {
    if (state.get(id) === "done") return undefined;
    if (state.get(id) === "visiting") return [...trail.slice(trail.indexOf(id)), id];
    state.set(id, "visiting");
    trail.push(id);
    for (const dependency of dependencies.get(id) ?? []) {
      const cycle = dependencies.has(dependency) ? visit(dependency) : undefined;
      if (cycle) return cycle;
    }
    trail.pop();
    state.set(id, "done");
    order.push(id);
    return undefined;
  };

  for (const id of dependencies.keys()) {
    const cycle = visit(id);
    if (cycle) return { cycle };
  }
  return { order };
}
