import { expect, test } from "vitest";
import { createChecksum } from "./checksums.ts";

// Check values of "123456789": https://reveng.sourceforge.io/crc-catalogue/all.htm and RFC 3174, FIPS 180.
test.each([
  ["crc32", "cbf43926"],
  ["crc32c", "e3069283"],
  ["crc64nvme", "ae8b14860a799888"],
  ["sha1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"],
  ["sha256", "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"],
  ["md5", "25f9e794323b453885f5181f1b624d0b"],
])("%s of pieces is %s", async (algorithm, hex) => {
  const checksum = createChecksum(algorithm);
  for (const piece of ["1234", "", "56789"]) checksum?.update(Buffer.from(piece));
  expect(Buffer.from((await checksum?.digest()) ?? "", "base64").toString("hex")).toBe(hex);
});

test("an algorithm that cannot be computed is not made up", () => {
  expect(createChecksum("xxhash3")).toBeUndefined();
});
