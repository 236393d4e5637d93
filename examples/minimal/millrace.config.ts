import { definePipeline } from "millrace";

export default definePipeline({
  name: "minimal",
  datasets: {
    orders: {
      columns: { id: "int", customer: "string", amount: "decimal(10,2)", placed_at: "timestamp" },
    },
  },
});
