import type { Finding } from "./findings.ts";
import type { Template, TemplateParameter } from "./template.ts";

export type ParameterValue = string | readonly string[];

/** The parameter that CDK's bootstrap check reads from SSM; nothing else refers to it. */
const BOOTSTRAP_VERSION = "BootstrapVersion";

/** Values of a stack's parameters: those given, else their defaults, checked as CloudFormation checks them. */
export function parameterValues(
  template: Template,
  given: Readonly<Record<string, string>>,
): { values: Map<string, ParameterValue>; ignored: Finding[]; refused: Finding[] } {
  const values = new Map<string, ParameterValue>();
  const ignored: Finding[] = [];
  const refused: Finding[] = [];
  for (const [name, parameter] of Object.entries(template.Parameters)) {
    const where = `Parameters.${name}`;
    const text = given[name] ?? parameter.Default;
    if (parameter.Type.startsWith("AWS::SSM::")) {
      if (name === BOOTSTRAP_VERSION) ignored.push({ where, message: "there is no bootstrap stack on one machine" });
      else refused.push({ where, message: `the type ${parameter.Type} reads Parameter Store, which is not here.` });
    } else if (text === undefined) {
      refused.push({ where, message: "has no default and was given no value." });
    } else {
      const mistake = checkValue(parameter, text);
      if (mistake) refused.push({ where, message: parameter.ConstraintDescription ?? mistake });
      else values.set(name, isList(parameter.Type) ? text.split(",").map((item) => item.trim()) : text);
    }
  }
  for (const name of Object.keys(given)) {
    if (!template.Parameters[name]) refused.push({ where: `Parameters.${name}`, message: "is not in the template." });
  }
  return { values, ignored, refused };
}

function isList(type: string): boolean {
  return type === "CommaDelimitedList" || type.startsWith("List<");
}

function checkValue(parameter: TemplateParameter, text: string): string | undefined {
  const { Type, AllowedValues, AllowedPattern, MinLength, MaxLength, MinValue, MaxValue } = parameter;
  const items = isList(Type) ? text.split(",").map((item) => item.trim()) : [text];
  for (const item of items) {
    if (Type.includes("Number") && (item === "" || Number.isNaN(Number(item)))) return `"${item}" is not a number.`;
    if (AllowedValues && !AllowedValues.includes(item)) {
      return `"${item}" is none of the allowed values ${AllowedValues.join(", ")}.`;
    }
    if (AllowedPattern && !new RegExp(`^(?:${AllowedPattern})$`).test(item)) {
      return `"${item}" does not match the pattern ${AllowedPattern}.`;
    }
    if (item.length < (MinLength ?? 0) || item.length > (MaxLength ?? Number.POSITIVE_INFINITY)) {
      return `"${item}" has ${item.length} characters, outside MinLength and MaxLength.`;
    }
    if (
      Number(item) < (MinValue ?? Number.NEGATIVE_INFINITY) ||
      Number(item) > (MaxValue ?? Number.POSITIVE_INFINITY)
    ) {
      return `${item} is outside MinValue and MaxValue.`;
    }
  }
  return undefined;
}
