/** Program that makes the environment for `--engine spark`. */
import { SparkMissingError, setUpSpark } from "./spark-environment.ts";

try {
  const { sparkHome } = await setUpSpark((line) => console.log(line));
  console.log(`Ready: ${sparkHome}`);
} catch (error) {
  console.error(error instanceof SparkMissingError ? error.message : error);
  process.exitCode = 1;
}
