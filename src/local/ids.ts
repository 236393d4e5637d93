import { createHash, randomBytes } from "node:crypto";

/** The only source of randomness and ids under `src/local`. */
export interface Ids {
  /** A version-4 style UUID. */
  uuid(): string;
  /** `length` lower-case hexadecimal digits. */
  hex(length: number): string;
  /** `length` characters of A–Z and 0–9, as in access keys and unique ids. */
  upper(length: number): string;
  /** A number in [0, 1), for jitter and sampling. */
  random(): number;
}

/** Ids from the operating system's randomness, or, with a `seed`, the same sequence every time. */
export function createIds(seed?: string): Ids {
  let counter = 0;
  const bytes = (length: number): Buffer => {
    if (seed === undefined) return randomBytes(length);
    const chunks: Buffer[] = [];
    for (let have = 0; have < length; have += 32) {
      chunks.push(createHash("sha256").update(`${seed}:${counter++}`).digest());
    }
    return Buffer.concat(chunks).subarray(0, length);
  };
  const hex = (length: number) =>
    bytes(Math.ceil(length / 2))
      .toString("hex")
      .slice(0, length);
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  return {
    hex,
    uuid: () => {
      const h = hex(32);
      const variant = "89ab"[Number.parseInt(h.slice(16, 17), 16) % 4];
      return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-${variant}${h.slice(17, 20)}-${h.slice(20, 32)}`;
    },
    upper: (length) => Array.from(bytes(length), (byte) => alphabet[byte % alphabet.length]).join(""),
    random: () => bytes(6).readUIntBE(0, 6) / 2 ** 48,
  };
}
