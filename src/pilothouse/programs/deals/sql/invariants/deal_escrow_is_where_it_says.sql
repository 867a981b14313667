-- Each deal's row and the ledger's accounts of that deal name the same amounts: escrow, and all that ever went to the
-- seller's and the buyer's side.
SELECT d.tenant, d.public_id, d.in_escrow, e.credits - e.debits AS escrow, d.to_seller, s.credits AS released,
       d.to_buyer + d.returned AS to_buyer, b.credits AS returned
FROM deal d
LEFT JOIN account e ON e.id = d.escrow_account
LEFT JOIN account s ON s.id = d.seller_account
LEFT JOIN account b ON b.id = d.buyer_account
WHERE (d.in_escrow, d.to_seller, d.to_buyer + d.returned, d.funded)
    IS DISTINCT FROM (coalesce(e.credits - e.debits, 0)::bigint, coalesce(s.credits, 0), coalesce(b.credits, 0),
                      coalesce(e.credits, 0))
