-- Health of Offtake's four kinds in Argo CD: put it into argocd-cm under resource.customizations.health.offtake.dev_PgSource (and
-- _PgConnection, _SourceTable, _View), or as resource_customizations/offtake.dev/_/health.lua.
local health = { status = "Progressing", message = "not looked at yet" }
if obj.metadata.deletionTimestamp ~= nil then
  health.message = "being deleted"
end
if obj.status == nil or obj.status.conditions == nil then
  return health
end
-- A status about an older spec says nothing about this one.
if obj.status.observedGeneration ~= obj.metadata.generation then
  health.message = "the spec was changed"
  return health
end
for _, condition in ipairs(obj.status.conditions) do
  if condition.type == "Stalled" and condition.status == "True" then
    return { status = "Degraded", message = condition.reason .. ": " .. (condition.message or "") }
  end
end
for _, condition in ipairs(obj.status.conditions) do
  if condition.type == "Ready" then
    health.message = condition.reason .. ": " .. (condition.message or "")
    if condition.status == "True" then
      health.status = "Healthy"
    end
  end
end
return health
