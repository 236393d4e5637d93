import type { ChecksumAlgorithm, ChecksumType } from "@aws-sdk/client-s3";
import { AwsError } from "../../service.ts";
import { createChecksum, type Checksum } from "../../wire/checksums.ts";
import { badDigest, invalidRequest, notImplemented } from "./errors.ts";

/** A checksum that S3 keeps with an object. */
export interface StoredChecksum {
  algorithm: SupportedAlgorithm;
  /** Base64; `<base64>-<parts>` for a composite one. */
  value: string;
  type: ChecksumType;
}

const SUPPORTED = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "SHA512", "MD5"] as const;
export type SupportedAlgorithm = (typeof SUPPORTED)[number];

type ChecksumMember = `Checksum${ChecksumAlgorithm}`;
export type ChecksumMembers = { [Member in ChecksumMember]?: string };

export const CHECKSUM_MEMBERS = [
  "ChecksumCRC32",
  "ChecksumCRC32C",
  "ChecksumCRC64NVME",
  "ChecksumSHA1",
  "ChecksumSHA256",
  "ChecksumSHA512",
  "ChecksumMD5",
  "ChecksumXXHASH64",
  "ChecksumXXHASH3",
  "ChecksumXXHASH128",
] as const satisfies readonly ChecksumMember[];

/** A hash over a body as it passes. */
export function createRunningHash(algorithm: SupportedAlgorithm): Checksum {
  const checksum = createChecksum(algorithm.toLowerCase());
  if (!checksum) throw new Error(`no implementation of ${algorithm}`);
  return checksum;
}

/** The algorithm by its name in a request; one that only AWS has is refused by name. */
export function supportedAlgorithm(name: string): SupportedAlgorithm {
  const known = SUPPORTED.find((algorithm) => algorithm === name);
  if (known) return known;
  if (CHECKSUM_MEMBERS.some((member) => member === `Checksum${name}`)) {
    throw notImplemented(`The checksum algorithm ${name}`, `use one of ${SUPPORTED.join(", ")}`);
  }
  throw invalidRequest("Checksum algorithm provided is unsupported. Please try again with any of the valid types");
}

/** The checksum a request carries for its body, and the algorithm it wants kept. */
export function requestedChecksum(
  input: ChecksumMembers & { ChecksumAlgorithm?: string },
): { algorithm: SupportedAlgorithm; value: string | undefined } | undefined {
  const given = CHECKSUM_MEMBERS.filter((member) => input[member] !== undefined);
  if (given.length > 1)
    throw invalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
  const [member] = given;
  if (member !== undefined) {
    return { algorithm: supportedAlgorithm(member.slice("Checksum".length)), value: input[member] };
  }
  if (input.ChecksumAlgorithm === undefined) return undefined;
  return { algorithm: supportedAlgorithm(input.ChecksumAlgorithm), value: undefined };
}

/** Throws BadDigest unless the body has the checksums that the request says it has. */
export function verifyDigests(
  expected: { md5?: string; checksum?: { algorithm: SupportedAlgorithm; value: string | undefined } },
  actual: { md5: string; checksum: string | undefined },
): void {
  if (expected.md5 !== undefined) {
    const bytes = Buffer.from(expected.md5, "base64");
    if (bytes.length !== 16) {
      throw new AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.", { status: 400 });
    }
    if (bytes.toString("hex") !== actual.md5) throw badDigest("MD5");
  }
  const checksum = expected.checksum;
  if (checksum?.value !== undefined && checksum.value !== actual.checksum) throw badDigest(checksum.algorithm);
}

/** A checksum as members of an output: `{ ChecksumCRC32: "…", ChecksumType: "FULL_OBJECT" }`. */
export function checksumMembers(
  checksum: StoredChecksum | undefined,
): ChecksumMembers & { ChecksumType?: ChecksumType } {
  return checksum ? { [`Checksum${checksum.algorithm}`]: checksum.value, ChecksumType: checksum.type } : {};
}
