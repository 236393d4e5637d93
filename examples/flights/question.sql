select a.city, a.state, count(*) as flights, round(avg(f.delay), 1) as average_delay
from flights f
join airports a on a.iata = f.origin
where f.day between '2001-01-01' and '2001-01-07'
group by 1, 2
order by flights desc
limit 10
