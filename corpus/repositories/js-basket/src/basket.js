/** A basket of items: `{ name, cents, count }`. */
export function createBasket() {
  const items = new Map();
  return {
    add(name, cents, count = 1) {
      if (count < 1) throw new RangeError(`count must be at least 1, not ${count}`);
      const before = items.get(name)?.count ?? 0;
      items.set(name, { name, cents, count: before + count });
    },
    remove(name) {
      return items.delete(name);
    },
    items: () => [...items.values()],
    total: () => [...items.values()].reduce((sum, { cents, count }) => sum + cents * count, 0),
  };
}

/** Ten percent off from 100.00 on, rounded down to whole cents. */
export function discount(cents) {
  return cents >= 10_000 ? Math.floor(cents / 10) : 0;
}
