import { definePipeline } from "millrace";

export default definePipeline({
  name: "flights",
  alerts: { from: "pipeline@example.com", to: "data-team@example.com" },
  datasets: {
    flights: {
      columns: {
        date: { type: "timestamp", nullable: false },
        delay: "int",
        distance: "int",
        origin: { type: "string", nullable: false },
        destination: { type: "string", nullable: false },
      },
      rules: { "distance is positive": "distance > 0" },
      transform: "select *, delay > 15 as late, to_date(date) as day from source",
      partitionBy: "day",
    },
    airports: {
      columns: {
        iata: { type: "string", nullable: false },
        name: "string",
        city: "string",
        state: "string",
        country: "string",
        latitude: "double",
        longitude: "double",
      },
      transform: "select iata, name, city, nullif(state, 'NA') as state, country, latitude, longitude from source",
    },
    // A week of GeoJSON: the records are in the document's "features", and each lists its sources in one text.
    earthquakes: {
      source: { format: "json", records: "features" },
      columns: {
        id: { type: "string", nullable: false },
        magnitude: { type: "double", from: "properties.mag" },
        place: { type: "string", from: "properties.place" },
        time: { type: "timestamp", from: "properties.time", format: "unix_millis", nullable: false },
        kinds: { type: "string", from: "properties.types" },
        coordinates: { type: "array<double>", from: "geometry.coordinates" },
      },
      // One row for each kind of product that is known of an earthquake.
      transform: `
        select id, magnitude, place, time,
          get(coordinates, 0) as longitude, get(coordinates, 1) as latitude, get(coordinates, 2) as depth_km,
          explode(filter(split(kinds, ','), kind -> kind <> '')) as kind
        from source`,
    },
  },
});
