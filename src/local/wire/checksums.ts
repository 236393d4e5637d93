import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { Crc32cJs, Crc64NvmeJs } from "@aws-sdk/checksums/crc";

export interface Checksum {
  update(bytes: Uint8Array): void;
  /** Big-endian bytes in base64, as in headers. */
  digest(): Promise<string>;
}

/** A running checksum, or undefined for an algorithm this runtime does not have. */
export function createChecksum(algorithm: string): Checksum | undefined {
  switch (algorithm) {
    case "crc32": {
      let value = 0;
      return {
        update: (bytes) => void (value = crc32(bytes, value)),
        digest: () => {
          const bytes = Buffer.alloc(4);
          bytes.writeUInt32BE(value);
          return Promise.resolve(bytes.toString("base64"));
        },
      };
    }
    case "crc32c":
      return fromSdk(new Crc32cJs());
    case "crc64nvme":
      return fromSdk(new Crc64NvmeJs());
    case "sha1":
    case "sha256":
    case "sha512":
    case "md5": {
      const hash = createHash(algorithm);
      return { update: (bytes) => void hash.update(bytes), digest: () => Promise.resolve(hash.digest("base64")) };
    }
    default:
      return undefined;
  }
}

function fromSdk(checksum: { update(bytes: Uint8Array): void; digest(): Promise<Uint8Array> }): Checksum {
  return {
    update: (bytes) => checksum.update(bytes),
    digest: async () => Buffer.from(await checksum.digest()).toString("base64"),
  };
}
